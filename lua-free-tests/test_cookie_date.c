/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <time.h>

#include "ts_test.h"
#include "core/ts_cookie_date.h"


static int
date(const char *text, int64_t *seconds)
{
    int         rc;
    ts_slice_t  copy;

    copy = heap_copy(text, strlen(text));
    rc = ts_cookie_date(copy, seconds);
    heap_free(copy);

    return rc;
}


static void
forms_that_browsers_read(void **state)
{
    size_t   i;
    int64_t  seconds;

    static const struct {
        const char  *text;
        int64_t      seconds;
    } dates[] = {
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Thu, 01-Jan-1970 00:00:01 GMT", 1 },
        { "Thu, 01-Jan-70 00:00:01 GMT", 1 },
        { "1 jan 70 0:0:1", 1 },
        { "00:00:00 1970 01 JANUARY", 0 },
        { "Tue Nov 17 00:18:59 2037", 2142029939 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Thu, 29 Feb 2024 12:00:00 GMT", 1709208000 },
        { "Sat, 01 Jan 0001 00:00:00 GMT", 978307200 },    /* .NET: 2001 */
        { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
        { "Mon, 01 Jan 1601 00:00:00 GMT", -11644473600 },
        { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
        { "01 Jan 69 00:00:00", 3124224000 },
    };

    (void) state;

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_true(date(dates[i].text, &seconds));
        assert_int_equal(seconds, dates[i].seconds);
    }
}


static void
what_is_no_date(void **state)
{
    size_t   i;
    int64_t  seconds;

    static const char *const  none[] = {
        "", "0", "-1", "Session", "never", "Thu, 01 Jan 1970",
        "00:00:00 GMT", "Thu, 01 Jan 1970 24:00:00 GMT",
        "Thu, 01 Jan 1970 00:60:00 GMT", "Thu, 01 Jan 1970 00:00:60 GMT",
        "Thu, 00 Jan 1970 00:00:00 GMT", "Thu, 32 Jan 1970 00:00:00 GMT",
        "Thu, 30 Feb 2024 00:00:00 GMT", "Thu, 29 Feb 2023 00:00:00 GMT",
        "Thu, 29 Feb 1900 00:00:00 GMT", "Thu, 01 Xyz 1970 00:00:00 GMT",
        "Thu, 01 Jan 1600 00:00:00 GMT", "Thu, 01 Jan 19700 00:00:00 GMT",
        "Thu, 01 Jan 1 00:00:00 GMT", "Thu, 001 Jan 1970 00:00:00 GMT",
        "Thu, 01 Jan 1970 000:00:00 GMT", "Thu, 01 Jan 1970 0:0 GMT",
        "1970-01-01T00:00:00Z", "3600",
    };

    (void) state;

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(date(none[i], &seconds));
    }
}


/* Every day of eight centuries, against the C library. */

static void
every_day(void **state)
{
    char        text[64];
    time_t      day;
    int64_t     seconds;
    struct tm   tm;

    (void) state;

    for (day = -11644473600; day < 13569465600; day += 86400) {
        assert_non_null(gmtime_r(&day, &tm));
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);

        assert_true(ts_cookie_date(ts_slice(text, strlen(text)), &seconds));
        assert_int_equal(seconds, day);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(forms_that_browsers_read),
        cmocka_unit_test(what_is_no_date),
        cmocka_unit_test(every_day),
    };

    return cmocka_run_group_tests_name("cookie_date", tests, NULL, NULL);
}
