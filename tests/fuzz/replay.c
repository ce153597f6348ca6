/* Runs a parser's fuzz entry over its corpus and over mutations of it, the same ones each time. With clang
 * and -fsanitize=fuzzer the entry serves libFuzzer, without this file. Usage: fuzz-x MUTATIONS FILE... */
#include <glib.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
mutate(GRand *rand, GByteArray *bytes)
{
    guint position = bytes->len ? (guint)g_rand_int_range(rand, 0, (gint)bytes->len) : 0;
    guint8 byte = (guint8)g_rand_int_range(rand, 0, 256);
    guint length = (guint)g_rand_int_range(rand, 1, 16);

    switch (g_rand_int_range(rand, 0, 4)) {
    case 0: /* another octet */
        if (bytes->len)
            bytes->data[position] = byte;
        break;
    case 1: /* cut off */
        g_byte_array_set_size(bytes, position);
        break;
    case 2: /* some octets less */
        if (position + length <= bytes->len)
            g_byte_array_remove_range(bytes, position, length);
        break;
    default: /* a piece again at the end */
        if (position + length <= bytes->len) {
            guint8 piece[16];
            memcpy(piece, bytes->data + position, length);
            g_byte_array_append(bytes, piece, length);
        }
        break;
    }
}

/* Exact allocation: an octet read too far is found by the sanitizer. */
static void
run(const guint8 *data, gsize size)
{
    g_autofree guint8 *copy = size ? g_memdup2(data, size) : g_malloc(1);

    LLVMFuzzerTestOneInput(copy, size);
}

static void
replay(const char *path, gint64 mutations)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    gsize size;

    g_file_get_contents(path, &text, &size, &error);
    g_assert_no_error(error);
    run((const guint8 *)text, size);
    for (gint64 i = 0; i < mutations; i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_byte_array_append(bytes, (const guint8 *)text, (guint)size);
        for (int n = g_rand_int_range(rand, 1, 5); n > 0; n--)
            mutate(rand, bytes);
        run(bytes->data, bytes->len);
    }
}

int
main(int argc, char **argv)
{
    g_assert_cmpint(argc, >=, 3);
    for (int i = 2; i < argc; i++)
        replay(argv[i], g_ascii_strtoll(argv[1], NULL, 10));
    return 0;
}
