/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_device.h"


static const uint8_t  secret[TS_DEVICE_KEY] = "0123456789abcde";

static ts_device_issuer_t  ours = { secret, "realm" };
static ts_device_t         known = { "an id of sixteen", 1700000000 };


static int
read_copy(const ts_device_issuer_t *issuer, ts_slice_t account,
    const uint8_t *text, size_t len, ts_device_t *device)
{
    int         rc;
    ts_slice_t  copy;

    copy = heap_copy(text, len);
    rc = ts_device_read(issuer, account, copy, device);
    heap_free(copy);

    return rc;
}


static void
what_is_written_is_read(void **state)
{
    uint8_t      text[TS_DEVICE_TEXT];
    ts_device_t  device;

    (void) state;

    ts_device_write(&ours, TS_SLICE("alice"), &known, text);

    assert_true(read_copy(&ours, TS_SLICE("alice"), text, sizeof(text),
                          &device));
    assert_memory_equal(device.id, known.id, TS_DEVICE_ID);
    assert_int_equal(device.issued, known.issued);

    assert_int_equal(ts_device_age(&device, 1700000100), 100);
    assert_int_equal(ts_device_age(&device, 1600000000), 0);
}


static void
it_is_of_no_use_elsewhere(void **state)
{
    uint8_t             text[TS_DEVICE_TEXT];
    ts_device_t         device;
    ts_device_issuer_t  other;

    static const uint8_t  key[TS_DEVICE_KEY] = "another key____";

    (void) state;

    ts_device_write(&ours, TS_SLICE("alice"), &known, text);

    assert_false(read_copy(&ours, TS_SLICE("alic"), text, sizeof(text),
                           &device));
    assert_false(read_copy(&ours, TS_SLICE("bob"), text, sizeof(text),
                           &device));
    assert_false(read_copy(&ours, TS_SLICE(""), text, sizeof(text), &device));

    other = ours;
    other.key = key;
    assert_false(read_copy(&other, TS_SLICE("alice"), text, sizeof(text),
                           &device));

    other = ours;
    other.realm[TS_DEVICE_REALM - 1] ^= 1;
    assert_false(read_copy(&other, TS_SLICE("alice"), text, sizeof(text),
                           &device));
}


static void
no_other_text_is_one(void **state)
{
    size_t       i, k;
    uint8_t      text[TS_DEVICE_TEXT + 1], old;
    ts_device_t  device;

    (void) state;

    ts_device_write(&ours, TS_SLICE("alice"), &known, text);
    text[TS_DEVICE_TEXT] = 'A';

    for (i = 0; i <= TS_DEVICE_TEXT + 1; i++) {
        assert_int_equal(read_copy(&ours, TS_SLICE("alice"), text, i, &device),
                         i == TS_DEVICE_TEXT);
    }

    for (i = 0; i < TS_DEVICE_TEXT; i++) {
        old = text[i];

        for (k = 0; k < 256; k++) {
            text[i] = (uint8_t) k;

            assert_int_equal(read_copy(&ours, TS_SLICE("alice"), text,
                                       TS_DEVICE_TEXT, &device),
                             k == old);
        }

        text[i] = old;
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(it_is_of_no_use_elsewhere),
        cmocka_unit_test(no_other_text_is_one),
    };

    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
