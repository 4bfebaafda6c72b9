/*
 * The conversation of one terminal and the platform: stop-and-wait batches and signed receipts,
 * over channels that lose, double, reorder and replay, with crashes of both sides, restores of the
 * platform from a backup, and pruning. README.md beside this file says which rule is where, and
 * what is left out; `scripts/model` runs it.
 *
 * A record is (epoch, seq). Epoch 1 is the one written now; epoch 0 was closed before, and what it
 * keeps was acknowledged. Seqs begin at 1; sets of seqs are bit masks.
 */

#ifndef RECORDS
#define RECORDS 2           /* in the epoch written now */
#endif
#ifndef CLOSED
#define CLOSED 0            /* in the closed epoch */
#endif
#ifndef RESTORES
#define RESTORES 1          /* of the platform from its backup */
#endif
#define NOTHING 0

mtype = { HELLO, BATCH, STORED, RESUME };
mtype = { OFFLINE, GREETING, ONLINE, WAITING };

/* -- the terminal: what is on its disk --------------------------------------------------------- */

byte head[2];               /* last committed seq */
byte first[2] = 1;          /* oldest record not pruned */
byte acked[2];
byte known = 1;             /* newest generation that holds all that was acknowledged */

/* -- the terminal: what a crash forgets -------------------------------------------------------- */

mtype state = OFFLINE;
byte sent_from[2];          /* 0: nothing says otherwise than `acked` */
bit refilling[2];
byte heard;                 /* newest generation that answered a question of this process */
byte asked_first;           /* first seq of the batch that waits for its receipt */

/* -- the platform: what is in its database, and in a backup of it ------------------------------ */

byte held[2], backup_held[2];       /* sets of seqs */
byte chain[2], backup_chain[2];     /* head of the chain */
byte missing[2], backup_missing[2]; /* noted as gone for good: a gap, alarmed */
byte generation = 1;                /* also kept outside the database */

/* -- the platform: what a crash forgets -------------------------------------------------------- */

bit greeted;                /* a hello said where the terminal's records begin */
#ifdef RECEIPT_BEFORE_COMMIT
byte pending_epoch, pending_first, pending_last;
#endif

/* -- the network ------------------------------------------------------------------------------- */

/* The adversary keeps one request and two receipts, whichever it likes of all that were ever sent,
 * and delivers any of them as often as it likes, in any order, or never. A nonce is one bit,
 * `mine`: whether it is the one the terminal asks with now. When it asks anew, all others are
 * stale. The adversary holds messages, it cannot make them: they are signed. */
typedef Request { mtype kind; bit mine; byte epoch, from, to, acked }
typedef Receipt { mtype kind; bit mine; byte epoch, seq, generation }
Request request;
Receipt receipt[2];

bit quiet;                  /* no more faults from here on: channels deliver, nobody crashes */

#define BIT(seq)            (1 << ((seq) - 1))
#define UP_TO(seq)          ((1 << (seq)) - 1)
#define BETWEEN(low, high)  (UP_TO(high) & ~UP_TO((low) - 1))
#define MAX(a, b)           ((a) > (b) -> (a) : (b))
#define KEPT(e)             BETWEEN(first[e], head[e])
#define NEXT(e)             MAX((sent_from[e] > 0 -> sent_from[e] : acked[e] + 1), first[e])

/* -- what must hold ---------------------------------------------------------------------------- */

/* No loss: whatever was committed is on the terminal's disk or in the platform's database. */
#define SAFE(e)             ((UP_TO(head[e]) & ~(KEPT(e) | held[e])) == 0)
#ifdef OLD_BACKUP
#define NO_LOSS             skip    /* it is lost then; what is asked is that it be known */
#else
#define NO_LOSS             assert(SAFE(0) && SAFE(1))
#endif

/* Delivery: the platform holds every record, or shows it as missing, and the terminal knows. */
#define ARRIVED(e)          ((UP_TO(head[e]) & ~(held[e] | missing[e])) == 0)
#define DONE                (ARRIVED(0) && ARRIVED(1) && acked[0] == head[0] && acked[1] == head[1])

ltl delivered { [] (quiet -> <> DONE) }

/* -- rules that a variant breaks --------------------------------------------------------------- */

#ifdef NO_NONCE
#define MINE(i)             (state == GREETING || state == WAITING)
#else
#define MINE(i)             receipt[i].mine
#endif

#ifdef OLD_FORWARD          /* what was said before a restore counts after it */
#define COUNTS(i)           1
#elif defined(FORWARD_BY_KNOWN) /* a refill under way is not looked at */
#define COUNTS(i)           (MINE(i) || receipt[i].generation >= known)
#else
#define COUNTS(i)           (MINE(i) || receipt[i].generation >= MAX(known, heard))
#endif

#ifdef MIXED_REFILL         /* a refill begun under one generation may end under another */
#define BEGINS_REFILL(i)    (!refilling[0] && !refilling[1])
#else
#define BEGINS_REFILL(i)    (receipt[i].generation > heard)
#endif

#if defined(NO_RETENTION) || defined(OLD_BACKUP) || RESTORES == 0
#define RETAINED(e)         1
#else                       /* past retention: no backup that may still be restored lacks it */
#define RETAINED(e)         (backup_held[e] & BIT(first[e]))
#endif
/* the newest record of the epoch written now stays: the chain goes on from it */
#define MAY_PRUNE(e)        (!quiet && first[e] <= acked[e] && first[e] < head[e] + 1 - e && RETAINED(e))

#ifdef FOR_EVER             /* a connection on which nothing is sent never ends */
#define MAY_END             (state == GREETING || state == WAITING)
#else
#define MAY_END             (state != OFFLINE)
#endif

/* -- the terminal ------------------------------------------------------------------------------ */

inline forget_receipt(i) {
    receipt[i].kind = NOTHING; receipt[i].mine = 0; receipt[i].epoch = 0; receipt[i].seq = 0;
    receipt[i].generation = 0
}

inline stale(i) {
    receipt[i].mine = 0;
#ifndef NO_NONCE
    if :: receipt[i].kind == RESUME -> forget_receipt(i) :: else fi     /* never heeded again */
#endif
}

inline new_nonce() { request.mine = 0; stale(0); stale(1) }

inline go_offline() { state = OFFLINE; asked_first = 0; new_nonce() }

inline ask(what, e, low, high, up_to) {
    request.kind = what; request.mine = 1; request.epoch = e;
    request.from = low; request.to = high; request.acked = up_to
}

/* Backlog._offer_again */
#ifdef ONLY_ACKNOWLEDGED    /* an epoch whose acknowledged records are all pruned is left out */
#define OFFERED(e)          (first[e] <= acked[e])
#else
#define OFFERED(e)          (first[e] <= head[e])
#endif
inline offer_again() {
    if :: OFFERED(0) -> sent_from[0] = first[0]; refilling[0] = 1 :: else fi;
    if :: OFFERED(1) -> sent_from[1] = first[1]; refilling[1] = 1 :: else fi
}

/* verdicts.judge: what a receipt means, with the seq it means in `seq` */
#define IGNORE 0
#define FORWARD 1
#define BACK 2
inline judge(i) {
    e = receipt[i].epoch;
    seq = receipt[i].seq;
    meaning = IGNORE;
    if
    :: receipt[i].kind == STORED && (seq + 1 < first[e] || seq > head[e]) ->
        assert(seq <= head[e])                      /* I keep no link there: it was pruned */
    :: receipt[i].kind == STORED && seq + 1 >= first[e] && seq <= head[e] ->
        if
        :: seq >= acked[e] -> meaning = (COUNTS(i) -> FORWARD : IGNORE)
        :: seq < acked[e] && MINE(i) -> meaning = (receipt[i].generation > known -> BACK : FORWARD)
        :: else
        fi
    :: receipt[i].kind == RESUME && MINE(i) ->
        if
        :: seq >= acked[e] -> meaning = FORWARD
#ifdef ACKED_FALLS          /* no look at the generation */
        :: seq < acked[e] -> meaning = BACK; acked[e] = seq
#else
        :: seq < acked[e] && receipt[i].generation > known ->
            meaning = BACK; seq = MAX(seq, first[e] - 1)
#endif
        :: else
        fi
    :: else
    fi
}

/* Backlog.receive, then what the uplink does with the meaning */
inline receive(i) {
    judge(i);
    if
    :: meaning != IGNORE && MINE(i) ->
        newer = receipt[i].generation > known;
        if :: newer && BEGINS_REFILL(i) -> offer_again() :: else fi;
        heard = MAX(heard, receipt[i].generation)
    :: else
    fi;
    if
    :: meaning == FORWARD ->
        if
        :: MINE(i) ->
            sent_from[e] = seq + 1;
            if :: seq >= acked[e] -> refilling[e] = 0 :: else fi
        :: else                                     /* moves nothing on: it may be old */
        fi;
        acked[e] = MAX(acked[e], seq)
    :: meaning == BACK -> sent_from[e] = seq + 1
    :: else
    fi;
    if :: newer && !refilling[0] && !refilling[1] -> known = receipt[i].generation :: else fi;
    assert(acked[e] + 1 >= first[e]);               /* what is pruned is acknowledged, for ever */
    if
    :: meaning != IGNORE && MINE(i) ->
        if                                          /* only a hello tells where records begin */
        :: state == WAITING && meaning == BACK && seq < asked_first -> go_offline()
        :: else -> state = ONLINE; asked_first = 0; new_nonce()
        fi
    :: else
    fi;
    e = 0; seq = 0; meaning = 0; newer = 0
}

proctype Terminal() {
    byte e, seq, meaning;
    bit newer;
end_terminal:
    do
    /* a tap: committed, so green */
    :: atomic { !quiet && head[1] < RECORDS -> head[1]++ }

    :: atomic { state == OFFLINE ->
        new_nonce();
        state = GREETING;
        if :: ask(HELLO, 1, 0, head[1], acked[1]) :: !quiet fi }

    /* Backlog.next_batch: the oldest epoch first; a batch may be cut short */
    :: atomic { state == ONLINE && (NEXT(0) <= head[0] || NEXT(1) <= head[1]) ->
        e = (NEXT(0) <= head[0] -> 0 : 1);
        asked_first = NEXT(e);
        seq = head[e];
        if :: seq > asked_first -> seq = asked_first :: true fi;
        new_nonce();
        state = WAITING;
        if :: ask(BATCH, e, asked_first, seq, 0) :: !quiet fi;
        e = 0; seq = 0 }
#ifdef SEND_BEFORE_COMMIT
    :: atomic { state == ONLINE && head[1] < RECORDS && NEXT(1) == head[1] + 1 && NEXT(0) > head[0] ->
        asked_first = NEXT(1);
        new_nonce();
        state = WAITING;
        ask(BATCH, 1, asked_first, asked_first, 0) }
#endif
#ifdef PRUNE_ON_PUBACK
    :: atomic { state == WAITING && request.mine && !quiet ->
        acked[request.epoch] = MAX(acked[request.epoch], request.to) }
#endif

    :: atomic { receipt[0].kind != NOTHING && state != OFFLINE ->
        receive(0); if :: quiet -> forget_receipt(0) :: else fi }
    :: atomic { receipt[1].kind != NOTHING && state != OFFLINE ->
        receive(1); if :: quiet -> forget_receipt(1) :: else fi }

    /* no receipt in time, or the connection ended; once quiet, only when nothing is on its way */
    :: atomic { !quiet && state != OFFLINE -> go_offline() }
    :: atomic { timeout && quiet && MAY_END && !DONE -> go_offline() }

    /* a power cut */
    :: atomic { !quiet ->
        sent_from[0] = 0; sent_from[1] = 0; refilling[0] = 0; refilling[1] = 0; heard = 0;
        go_offline() }

    :: atomic { MAY_PRUNE(0) -> first[0]++; NO_LOSS }
    :: atomic { MAY_PRUNE(1) -> first[1]++; NO_LOSS }
    od
}

/* -- the platform ------------------------------------------------------------------------------ */

#ifdef RECEIPT_BEFORE_COMMIT
inline crash() { greeted = 0; pending_epoch = 0; pending_first = 0; pending_last = 0 }
#else
inline crash() { greeted = 0 }
#endif

/* Chains._append */
inline store(e, low, high) {
    assert(high <= head[e]);                                    /* nothing that no commit holds */
#ifdef NO_COMPARE_AND_SWAP
    assert((held[e] & BETWEEN(low, high)) == 0);                /* added as it came */
    held[e] = held[e] | BETWEEN(low, high);
#else
    assert((held[e] & BETWEEN(chain[e] + 1, high)) == 0);       /* nothing twice */
    held[e] = held[e] | BETWEEN(MAX(chain[e] + 1, low), high);
#endif
    chain[e] = MAX(chain[e], high)
}

inline answer(verdict, where) {
    if
    :: reply(0, verdict, where)
    :: reply(1, verdict, where)
    :: !quiet                                       /* lost, or a crash after the commit */
    fi
}

inline reply(i, verdict, where) {
    receipt[i].kind = verdict; receipt[i].mine = request.mine; receipt[i].epoch = request.epoch;
    receipt[i].seq = where; receipt[i].generation = generation
}

/* greetings.answer, of the newest epoch */
inline greet() {
    greeted = 1;
    if
    :: chain[1] > request.to -> assert(!request.mine)   /* behind: no honest terminal is */
    :: chain[1] <= request.to && chain[1] < request.acked -> answer(RESUME, chain[1])
    :: chain[1] <= request.to && chain[1] >= request.acked -> answer(STORED, chain[1])
    fi
}

/* Chains.place: STORED at the batch's own end; a gap only where the terminal's records begin */
inline place() {
    e = request.epoch;
    if
    :: request.from <= chain[e] + 1 ->
#ifdef RECEIPT_BEFORE_COMMIT
        pending_epoch = e; pending_first = request.from; pending_last = request.to;
#else
        store(e, request.from, request.to);
#endif
        answer(STORED, request.to)
    :: request.from > chain[e] + 1 && greeted && request.from == first[e] ->
#ifndef OLD_BACKUP
        assert(false);                              /* within retention nothing goes missing */
#endif
        missing[e] = missing[e] | BETWEEN(chain[e] + 1, request.from - 1);
        chain[e] = request.from - 1;
        store(e, request.from, request.to);
        answer(STORED, request.to)
    :: request.from > chain[e] + 1 && !(greeted && request.from == first[e]) ->
        answer(RESUME, chain[e])
    fi;
    e = 0
}

proctype Platform() {
    byte e;
end_platform:
    do
    :: atomic { request.kind != NOTHING ->
        if :: request.kind == HELLO -> greet() :: request.kind == BATCH -> place() fi;
        if :: quiet -> ask(NOTHING, 0, 0, 0, 0); request.mine = 0 :: else fi }
#ifdef RECEIPT_BEFORE_COMMIT
    :: atomic { pending_last > 0 ->
        store(pending_epoch, pending_first, pending_last);
        pending_epoch = 0; pending_first = 0; pending_last = 0 }
#endif

    :: atomic { !quiet -> crash() }

    :: atomic { !quiet && generation <= RESTORES ->
        backup_held[0] = held[0]; backup_held[1] = held[1];
        backup_chain[0] = chain[0]; backup_chain[1] = chain[1];
        backup_missing[0] = missing[0]; backup_missing[1] = missing[1] }

    :: atomic { !quiet && generation <= RESTORES ->
        crash();
        held[0] = backup_held[0]; held[1] = backup_held[1];
        chain[0] = backup_chain[0]; chain[1] = backup_chain[1];
        missing[0] = backup_missing[0]; missing[1] = backup_missing[1];
#ifndef SAME_GENERATION
        generation++;
#endif
        NO_LOSS }
    od
}

proctype Calm() { quiet = 1 }

init {
    atomic {
        head[0] = CLOSED; acked[0] = CLOSED; chain[0] = CLOSED; held[0] = UP_TO(CLOSED);
        head[1] = 1;            /* an epoch begins with a record that says why */
        run Terminal(); run Platform(); run Calm()
    }
}
