/* Reads files of a DESFire card through libfreefare, in the mode that is named for each.
 *
 *     desfire_files AID KEY-NUMBER KEY FILE:MODE:OFFSET:LENGTH...
 *
 * AID as a number, in hexadecimal like KEY; MODE is plain, maced or enciphered. One AES
 * authentication, then one line for each part, in octets; a read that fails ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <freefare.h>
#include <nfc/nfc.h>

static void
must(MifareTag tag, const char *what, ssize_t result)
{
    if (result >= 0)
        return;
    printf("%s failed: %s\n", what, freefare_strerror(tag));
    exit(1);
}

static int
mode(const char *name)
{
    if (!strcmp(name, "plain"))
        return MDCM_PLAIN;
    return strcmp(name, "maced") ? MDCM_ENCIPHERED : MDCM_MACED;
}

int
main(int argc, char *argv[])
{
    nfc_context *context;
    nfc_init(&context);
    nfc_device *device = nfc_open(context, NULL);
    MifareTag *tags = device ? freefare_get_tags(device) : NULL;
    if (!tags || !tags[0] || freefare_get_tag_type(tags[0]) != DESFIRE) {
        puts("no DESFire card");
        return 1;
    }
    MifareTag tag = tags[0];
    must(tag, "connect", mifare_desfire_connect(tag));
    MifareDESFireAID aid = mifare_desfire_aid_new((uint32_t)strtoul(argv[1], NULL, 16));
    must(tag, "select_application", mifare_desfire_select_application(tag, aid));
    free(aid);

    uint8_t secret[16];
    for (size_t n = 0; n < sizeof secret; n++) {
        unsigned int octet;
        sscanf(argv[3] + 2 * n, "%2x", &octet);
        secret[n] = (uint8_t)octet;
    }
    MifareDESFireKey key = mifare_desfire_aes_key_new(secret);
    must(tag, "authenticate_aes", mifare_desfire_authenticate_aes(tag, (uint8_t)atoi(argv[2]), key));
    mifare_desfire_key_free(key);

    static uint8_t content[8192];
    for (int n = 4; n < argc; n++) {
        unsigned int file, offset, length;
        char name[16];
        if (sscanf(argv[n], "%u:%15[^:]:%u:%u", &file, name, &offset, &length) != 4)
            return 2;
        ssize_t read = mifare_desfire_read_data_ex(tag, (uint8_t)file, offset, length, content, mode(name));
        must(tag, "read_data_ex", read);
        for (ssize_t at = 0; at < read; at++)
            printf("%02x", content[at]);
        putchar('\n');
    }
    mifare_desfire_disconnect(tag);
    freefare_free_tags(tags);
    nfc_close(device);
    nfc_exit(context);
    return 0;
}
