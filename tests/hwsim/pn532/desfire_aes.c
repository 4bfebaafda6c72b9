/* Reads a DESFire card through libnfc and libfreefare: whatever they refuse, this refuses.
 *
 *     desfire_aes AID KEY-NUMBER KEY FILE [OCTETS TO WRITE FIRST]
 *
 * AID as a number, in hexadecimal like KEY and the octets. Every step and what it gave is a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <freefare.h>
#include <nfc/nfc.h>

static void
octets(const char *text, uint8_t *out, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        unsigned int octet;
        sscanf(text + 2 * n, "%2x", &octet);
        out[n] = (uint8_t)octet;
    }
}

static void
say(const char *what, const uint8_t *data, ssize_t count)
{
    printf("%s ", what);
    for (ssize_t n = 0; n < count; n++)
        printf("%02x", data[n]);
    putchar('\n');
}

static void
must(MifareTag tag, const char *what, ssize_t result)
{
    if (result >= 0)
        return;
    printf("%s failed: %s\n", what, freefare_strerror(tag));
    exit(1);
}

int
main(int argc, char *argv[])
{
    nfc_context *context;
    nfc_init(&context);
    nfc_device *device = nfc_open(context, NULL);
    if (!device) {
        puts("no device");
        return 1;
    }
    MifareTag *tags = freefare_get_tags(device);
    if (!tags || !tags[0] || freefare_get_tag_type(tags[0]) != DESFIRE) {
        puts("no DESFire card");
        return 1;
    }
    MifareTag tag = tags[0];
    must(tag, "connect", mifare_desfire_connect(tag));

    MifareDESFireAID *aids;
    size_t count;
    must(tag, "get_application_ids", mifare_desfire_get_application_ids(tag, &aids, &count));
    for (size_t n = 0; n < count; n++)
        printf("application %06x\n", mifare_desfire_aid_get_aid(aids[n]));
    mifare_desfire_free_application_ids(aids);

    MifareDESFireAID aid = mifare_desfire_aid_new((uint32_t)strtoul(argv[1], NULL, 16));
    must(tag, "select_application", mifare_desfire_select_application(tag, aid));
    free(aid);

    uint8_t secret[16];
    octets(argv[3], secret, sizeof secret);
    MifareDESFireKey key = mifare_desfire_aes_key_new(secret);
    must(tag, "authenticate_aes", mifare_desfire_authenticate_aes(tag, (uint8_t)atoi(argv[2]), key));
    mifare_desfire_key_free(key);
    puts("authenticated");

    char *uid;
    must(tag, "get_card_uid", mifare_desfire_get_card_uid(tag, &uid));
    printf("uid %s\n", uid);
    free(uid);

    uint8_t *files;
    must(tag, "get_file_ids", mifare_desfire_get_file_ids(tag, &files, &count));
    say("files", files, (ssize_t)count);
    free(files);

    uint8_t file = (uint8_t)atoi(argv[4]);
    struct mifare_desfire_file_settings settings;
    must(tag, "get_file_settings", mifare_desfire_get_file_settings(tag, file, &settings));
    printf("file mode %d size %u\n", settings.communication_settings,
           settings.settings.standard_file.file_size);

    if (argc > 5) {
        size_t length = strlen(argv[5]) / 2;
        uint8_t *data = malloc(length);
        octets(argv[5], data, length);
        must(tag, "write_data", mifare_desfire_write_data(tag, file, 0, length, data));
        free(data);
    }
    uint8_t content[1024];
    ssize_t length = mifare_desfire_read_data(tag, file, 0, 0, content);
    must(tag, "read_data", length);
    say("whole", content, length);
    length = mifare_desfire_read_data(tag, file, 5, 8, content);
    must(tag, "read_data", length);
    say("part", content, length);

    mifare_desfire_disconnect(tag);
    freefare_free_tags(tags);
    nfc_close(device);
    nfc_exit(context);
    return 0;
}
