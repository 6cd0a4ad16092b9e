/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_cookie_date.h"


/* What was found of a date so far; -1 is nothing yet. */

typedef struct {
    int  hour, minute, second;
    int  day;
    int  month;
    int  year;
} ts_cookie_date_t;


static void ts_cookie_date_token(ts_cookie_date_t *date, const uint8_t *p,
    const uint8_t *end);
static int ts_cookie_date_time(ts_cookie_date_t *date, const uint8_t *p,
    const uint8_t *end);
static int ts_cookie_date_month(ts_cookie_date_t *date, const uint8_t *p,
    const uint8_t *end);
static int ts_cookie_date_number(const uint8_t **p, const uint8_t *end,
    int min, int max);
static int ts_cookie_date_days(int year, int month);
static int64_t ts_cookie_date_seconds(const ts_cookie_date_t *date);


static int
ts_cookie_date_delimiter(uint8_t c)
{
    return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40)
           || (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}


static int
ts_cookie_date_digit(const uint8_t *p, const uint8_t *end)
{
    return p < end && *p >= '0' && *p <= '9';
}


int
ts_cookie_date(ts_slice_t text, int64_t *seconds)
{
    const uint8_t     *p, *end, *start;
    ts_cookie_date_t   date;

    if (text.len == 0) {
        return 0;
    }

    memset(&date, 0xff, sizeof(date));

    p = text.data;
    end = p + text.len;

    while (p < end) {

        if (ts_cookie_date_delimiter(*p)) {
            p++;
            continue;
        }

        for (start = p; p < end && !ts_cookie_date_delimiter(*p); p++) {
            /* void */
        }

        ts_cookie_date_token(&date, start, p);
    }

    if (date.year >= 70 && date.year <= 99) {
        date.year += 1900;

    } else if (date.year >= 0 && date.year <= 69) {
        date.year += 2000;
    }

    if (date.hour < 0 || date.day < 0 || date.month < 0 || date.year < 1601
        || date.day < 1
        || date.day > ts_cookie_date_days(date.year, date.month)
        || date.hour > 23 || date.minute > 59 || date.second > 59)
    {
        return 0;
    }

    *seconds = ts_cookie_date_seconds(&date);

    return 1;
}


/* A token is the first of these that was not found yet. */

static void
ts_cookie_date_token(ts_cookie_date_t *date, const uint8_t *p,
    const uint8_t *end)
{
    int             n;
    const uint8_t  *start;

    if (date->hour < 0 && ts_cookie_date_time(date, p, end)) {
        return;
    }

    start = p;

    if (date->day < 0) {
        n = ts_cookie_date_number(&p, end, 1, 2);

        if (n >= 0) {
            date->day = n;
            return;
        }
    }

    p = start;

    if (date->month < 0 && ts_cookie_date_month(date, p, end)) {
        return;
    }

    if (date->year < 0) {
        n = ts_cookie_date_number(&p, end, 2, 4);

        if (n >= 0) {
            date->year = n;
        }
    }
}


static int
ts_cookie_date_time(ts_cookie_date_t *date, const uint8_t *p,
    const uint8_t *end)
{
    int  i, n[3];

    for (i = 0; i < 3; i++) {

        if (i && (p == end || *p++ != ':')) {
            return 0;
        }

        n[i] = 0;

        if (!ts_cookie_date_digit(p, end)) {
            return 0;
        }

        n[i] = *p++ - '0';

        if (ts_cookie_date_digit(p, end)) {
            n[i] = n[i] * 10 + (*p++ - '0');
        }
    }

    if (ts_cookie_date_digit(p, end)) {
        return 0;
    }

    date->hour = n[0];
    date->minute = n[1];
    date->second = n[2];

    return 1;
}


static int
ts_cookie_date_month(ts_cookie_date_t *date, const uint8_t *p,
    const uint8_t *end)
{
    int  i;

    static const char  months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

    if (end - p < 3) {
        return 0;
    }

    for (i = 0; i < 12; i++) {
        if ((p[0] | 0x20) == months[i * 3]
            && (p[1] | 0x20) == months[i * 3 + 1]
            && (p[2] | 0x20) == months[i * 3 + 2])
        {
            date->month = i;
            return 1;
        }
    }

    return 0;
}


/* So many digits, and then none; -1 when it is not that. */

static int
ts_cookie_date_number(const uint8_t **p, const uint8_t *end, int min, int max)
{
    int  n, digits;

    for (n = 0, digits = 0; ts_cookie_date_digit(*p, end); (*p)++) {

        if (++digits > max) {
            return -1;
        }

        n = n * 10 + (**p - '0');
    }

    return digits < min ? -1 : n;
}


static int
ts_cookie_date_days(int year, int month)
{
    static const int  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (month == 1
        && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
    {
        return 29;
    }

    return days[month];
}


/* Days of the Gregorian calendar, in years that begin in March. */

static int64_t
ts_cookie_date_seconds(const ts_cookie_date_t *date)
{
    int64_t  year, month, days;

    year = date->year;
    month = date->month + 1;

    if (month <= 2) {
        year--;
        month += 12;
    }

    days = 365 * year + year / 4 - year / 100 + year / 400
           + (153 * (month - 3) + 2) / 5 + date->day - 1 - 719468;

    return ((days * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
}
