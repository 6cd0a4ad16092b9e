/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The login guard's protocol for spin: what docs/login-protocol.md calls exact
 * is asserted here, and what it gives a bound for is shown to exceed the limit
 * and to keep the bound. t/login_model.t says which runs there are.
 *
 * A counter is the set of its attempts, as in core/ts_attempts.h; what an
 * operation does to all keys of an attempt is one step. Beside what the store
 * remembers, the model keeps what is true: which attempts reached the backend,
 * and which of them were given back, forgiven, or used up by a lock.
 *
 * With -DFAILOVER, a replica that is up to `lost` writes behind takes over,
 * once. With -DCUT, two gateways may lose sight of the store and count alone.
 * With -DNEUTRAL_TOO answers may be neutral, and attempts withdrawn.
 */

/*
 * From the environment, so that one pan is compiled for many runs: MORE than
 * the limit is allowed, and TIMES_MORE the limit; a failover loses as many
 * writes as are LOST; the protocol has a MISTAKE, by its number.
 */

c_decl {
    static int  more, fold, lost, mistake;

    static int
    number(const char *name)
    {
        return getenv(name) ? atoi(getenv(name)) : 0;
    }

    __attribute__((constructor)) static void
    setup(void)
    {
        more = number("MORE");
        fold = 1 + number("TIMES_MORE");
        lost = number("LOST");
        mistake = number("MISTAKE");
    }
};

#define wrong(number)  c_expr { mistake == number }

#define WINDOW  2       /* ticks; older attempts are gone */
#define LOCK    1       /* ticks */

/* kinds of keys */

#define PAIR     0
#define ACCOUNT  1
#define ADDRESS  2
#define KINDS    3

/*
 * Ids of attempts, and their keys. Usually 0 to 2 are made by a guesser, 3 by
 * the owner of that account from elsewhere, and 4 by the owner of another one
 * behind the guesser's address. Otherwise there is only the guesser.
 */

#if defined(FAILOVER) || defined(CUT) || defined(NEUTRAL_TOO)

#define KEYS          3
#define key(a, kind)  (kind)

/* two for each gateway, and a limit of one, or there were too many states */

#ifdef CUT
#define ATTEMPTS      4
#define limit(kind)   1
#else
#define ATTEMPTS      5
#define limit(kind)   2
#endif

#else

#define ATTEMPTS  5

#define KEYS      7
#define key(a, kind)                                                          \
    (kind == PAIR -> (a < 3 -> 0 : a - 2)                                     \
                   : (kind == ACCOUNT -> (a < 4 -> 3 : 4)                     \
                                       : (a != 3 -> 5 : 6)))
#define limit(kind)  (kind == PAIR -> 2 : 3)

#endif

#define neutral_limit  1

/* what a store has of an attempt at a key; also what is true of it */

#define GONE     0
#define FLIGHT   1
#define FAILED   2
#define NEUTRAL  3

/* what happens to an attempt, beside FAILED and NEUTRAL */

#define SUCCEEDED  4
#define WITHDRAWN  5
#define BEGUN      6
#define UNHEARD    7    /* begun, but the gateway does not hear the answer */
#define LOST       8    /* the outcome is, or the gateway */
#define NOTHING    9

typedef store {
    byte   slot[ATTEMPTS * KINDS];
    short  n[KEYS];
    short  failed[KEYS];
    short  neutral[KEYS];
    byte   lock[KEYS];          /* ticks left */
    bit    exists[KEYS];
};

#define SHARED  0

#ifdef FAILOVER

#define STORES   2
#define REPLICA  1
#define other_store(a)  REPLICA
#define alike(x, y)     1

byte behind;                    /* writes that the replica does not have */
bit  failed_over;

#elif defined(CUT)

#define STORES  3
#define local(a)        (a < ATTEMPTS / 2 -> 1 : 2)
#define other_store(a)  local(a)
#define alike(x, y)     (local(x) == local(y))

bit  cut[STORES];               /* by the gateway's own store */
bit  alone[ATTEMPTS];           /* reserved while the gateway was cut off */

#else

#define STORES  1
#define other_store(a)  SHARED
#define alike(x, y)     (key(x, PAIR) == key(y, PAIR))

#endif

store  st[STORES];
byte   age[ATTEMPTS];           /* ticks since the reservation */
bit    waiting[ATTEMPTS];       /* at the backend */
byte   truth[ATTEMPTS * KINDS];

#define slots(s, a, kind)  st[s].slot[(a) * KINDS + (kind)]
#define true_of(a, kind)   truth[(a) * KINDS + (kind)]

/* scratch within a step */

hidden byte  who, what;
hidden byte  b, i, k, s, kind, judged, existed, admitted, locked, old;
hidden int   c, f, given;
hidden int   code[ATTEMPTS];


/* An id that nobody remembers may stand for a new attempt. */

#define nowhere(s, a)                                                         \
    (slots(s, a, PAIR) == GONE && slots(s, a, ACCOUNT) == GONE                \
     && slots(s, a, ADDRESS) == GONE)

#define unknown(a)                                                            \
    (!true_of(a, PAIR) && !true_of(a, ACCOUNT) && !true_of(a, ADDRESS))

#define unused(a)                                                             \
    (!waiting[a] && unknown(a) && nowhere(SHARED, a)                          \
     && nowhere(other_store(a), a))

#define next_unused(a)                                                        \
    (unused(a) && (a + 1 == ATTEMPTS || !alike(a, a + 1) || !unused(a + 1)))


/* The store: `kind` and `k`, its key, are those of the loop around. */

inline add(s, a, state) {
    slots(s, a, kind) = state;
    st[s].n[k]++;
    st[s].failed[k] = st[s].failed[k] + (state == FAILED -> 1 : 0);
    st[s].neutral[k] = st[s].neutral[k] + (state == NEUTRAL -> 1 : 0);
    st[s].exists[k] = 1
}

inline drop(s, a) {
    st[s].n[k]--;
    st[s].failed[k] = st[s].failed[k] - (slots(s, a, kind) == FAILED -> 1 : 0);
    st[s].neutral[k] = st[s].neutral[k] -
                       (slots(s, a, kind) == NEUTRAL -> 1 : 0);
    slots(s, a, kind) = GONE
}

inline release(s) {
    if
    :: st[s].n[k] == 0 && st[s].lock[k] == 0 -> st[s].exists[k] = 0
    :: else
    fi
}

/* others in flight stay charged: their outcome is still open */

inline forgive(s) {
    for (b : 0 .. ATTEMPTS - 1) {
        if
        :: key(b, kind) == k && slots(s, b, kind) == FAILED -> drop(s, b)
        :: key(b, kind) == k && slots(s, b, kind) == FLIGHT && wrong(5) ->
            drop(s, b)
        :: else
        fi
    }
}

/* every lock and limit first */

inline judge(s, a) {
    admitted = 1;

    for (kind : 0 .. KINDS - 1) {
        k = key(a, kind);
        c = (wrong(1) -> st[s].failed[k] : st[s].n[k] - st[s].neutral[k]);

        if
        :: st[s].lock[k] || c >= limit(kind) -> admitted = 0
        :: else ->
            if
            :: wrong(2) -> add(s, a, FLIGHT)
            :: else
            fi
        fi
    }
}

inline charge(s, a) {
    if
    :: admitted && !wrong(2) ->
        for (kind : 0 .. KINDS - 1) {
            k = key(a, kind);
            add(s, a, FLIGHT)
        }
    :: else
    fi
}

inline settle_key(s, a, outcome) {
    if
    :: slots(s, a, kind) != FLIGHT ->

        if
        :: wrong(3) && outcome == SUCCEEDED && st[s].exists[k] -> st[s].n[k]--
        :: wrong(4) && outcome == FAILED && slots(s, a, kind) == GONE ->
            add(s, a, FAILED)
        :: else
        fi

    :: else ->

        if
        :: outcome == SUCCEEDED || outcome == WITHDRAWN ->
            drop(s, a);
            judged = outcome
        :: outcome == NEUTRAL && (st[s].neutral[k] < neutral_limit ||
                                  wrong(8)) ->
            slots(s, a, kind) = NEUTRAL;
            st[s].neutral[k]++;
            judged = NEUTRAL
        :: else ->
            slots(s, a, kind) = FAILED;
            st[s].failed[k]++;
            judged = FAILED
        fi
    fi
}

inline follow(s) {
    c = (wrong(7) -> st[s].n[k] - st[s].neutral[k] : st[s].failed[k]);

    if
    :: judged == FAILED && kind == PAIR && st[s].lock[k] == 0 &&
       c >= limit(kind) ->
        st[s].lock[k] = LOCK;
        locked = 1;
        forgive(s)
    :: judged == SUCCEEDED && (kind != ADDRESS || wrong(6)) -> forgive(s)
    :: else
    fi
}

inline settle(s, a, outcome) {
    for (kind : 0 .. KINDS - 1) {
        k = key(a, kind);
        existed = st[s].exists[k];
        judged = GONE;
        locked = 0;

        settle_key(s, a, outcome);
        happened(a);
        follow(s);
        release(s);

        /* nothing brings back a counter */

        assert(existed || !st[s].exists[k]);

        locked_rightly()
    }
}


/*
 * The truth about one key. Of the store it only learns which neutral answers
 * were given back. Settled twice, as by two stores, is settled once.
 */

inline happened(a) {
    if
    :: judged == WITHDRAWN -> true_of(a, kind) = GONE
    :: judged == SUCCEEDED ->
        true_of(a, kind) = GONE;

        if
        :: kind != ADDRESS -> forgiven()
        :: else
        fi

    :: (judged == FAILED || judged == NEUTRAL) && true_of(a, kind) == FLIGHT ->
        true_of(a, kind) = judged
    :: else
    fi
}

inline forgiven() {
    for (b : 0 .. ATTEMPTS - 1) {
        if
        :: key(b, kind) == k && true_of(b, kind) == FAILED ->
            true_of(b, kind) = GONE
        :: else
        fi
    }
}

inline count_truth() {
    c = 0;
    f = 0;
    given = 0;

    for (b : 0 .. ATTEMPTS - 1) {
        if
        :: key(b, kind) == k ->
            c = c + (true_of(b, kind) == FLIGHT -> 1 : 0);
            f = f + (true_of(b, kind) == FAILED -> 1 : 0);
            given = given + (true_of(b, kind) == NEUTRAL -> 1 : 0)
        :: else
        fi
    }
}

/* A lock is set by the failure that reaches the limit, and by nothing else. */

inline locked_rightly() {
    if
    :: kind == PAIR && judged == FAILED ->
#if STORES == 1
        count_truth();
        assert(locked == (f >= limit(kind)));
#endif

        if
        :: locked -> forgiven()
        :: else
        fi

    :: else
    fi
}


/* What holds after every step, at the keys of the attempt. */

inline check(a) {
    for (kind : 0 .. KINDS - 1) {
        k = key(a, kind);

        count_truth();
        assert(c + f <= limit(kind) * c_expr { fold } + c_expr { more });
        assert(given <= neutral_limit * c_expr { fold } + c_expr { more });

        for (s : 0 .. STORES - 1) {
            check_counts()
        }
    }
}

inline check_counts() {
    c = 0;
    f = 0;
    given = 0;

    for (b : 0 .. ATTEMPTS - 1) {
        if
        :: key(b, kind) == k ->
            c = c + (slots(s, b, kind) != GONE -> 1 : 0);
            f = f + (slots(s, b, kind) == FAILED -> 1 : 0);
            given = given + (slots(s, b, kind) == NEUTRAL -> 1 : 0)
        :: else
        fi
    }

    assert(st[s].n[k] >= 0 && st[s].n[k] == c);
    assert(st[s].failed[k] == f && st[s].neutral[k] == given);
    assert(st[s].exists[k] == (c > 0 || st[s].lock[k] > 0))
}


/* Time: what left the window is gone everywhere, and locks end. */

inline tick() {
    for (s : 0 .. STORES - 1) {
        for (k : 0 .. KEYS - 1) {
            if
            :: st[s].lock[k] > 0 ->
                st[s].lock[k]--;
                release(s)
            :: else
            fi
        }
    }

    for (old : 0 .. ATTEMPTS - 1) {
        if
        :: age[old] < WINDOW && !unused(old) ->
            age[old]++;

            if
            :: age[old] == WINDOW -> leave(old)
            :: else
            fi

        :: else
        fi
    }
}

inline leave(a) {
    for (kind : 0 .. KINDS - 1) {
        k = key(a, kind);
        true_of(a, kind) = GONE;

        for (s : 0 .. STORES - 1) {
            if
            :: slots(s, a, kind) != GONE ->
                drop(s, a);
                release(s)
            :: else
            fi
        }
    }
}


/*
 * States that differ in nothing that matters are one: a free id has no age,
 * and of ids that are alike it does not matter which has which history.
 */

inline order() {
    for (old : 0 .. ATTEMPTS - 1) {

        if
        :: unused(old) ->
            age[old] = 0;
#ifdef CUT
            alone[old] = 0
#endif
        :: else
        fi;

        code[old] = age[old] * 2 + waiting[old];
#ifdef CUT
        code[old] = code[old] * 2 + alone[old];
#endif

        for (kind : 0 .. KINDS - 1) {
            code[old] = code[old] * 4 + true_of(old, kind);
            code[old] = code[old] * 4 + slots(SHARED, old, kind);
#if STORES > 1
            code[old] = code[old] * 4 + slots(other_store(old), old, kind);
#endif
        }
    }

    for (old : 1 .. ATTEMPTS - 1) {
        for (i : 0 .. ATTEMPTS - 1 - old) {
            if
            :: alike(i, i + 1) && code[i] > code[i + 1] -> swap(i)
            :: else
            fi
        }
    }

    i = 0
}

inline exchange(x, y) {
    c = x;
    x = y;
    y = c
}

inline swap(a) {
    exchange(code[a], code[a + 1]);
    exchange(age[a], age[a + 1]);
    exchange(waiting[a], waiting[a + 1]);
#ifdef CUT
    exchange(alone[a], alone[a + 1]);
#endif

    for (kind : 0 .. KINDS - 1) {
        exchange(true_of(a, kind), true_of(a + 1, kind));
        exchange(slots(SHARED, a, kind), slots(SHARED, a + 1, kind));
#if STORES > 1
        exchange(slots(other_store(a), a, kind),
                 slots(other_store(a), a + 1, kind))
#endif
    }
}


#ifdef FAILOVER

inline copy(to, from) {
    for (b : 0 .. ATTEMPTS * KINDS - 1) {
        st[to].slot[b] = st[from].slot[b]
    }

    for (k : 0 .. KEYS - 1) {
        st[to].n[k] = st[from].n[k];
        st[to].failed[k] = st[from].failed[k];
        st[to].neutral[k] = st[from].neutral[k];
        st[to].lock[k] = st[from].lock[k];
        st[to].exists[k] = st[from].exists[k]
    }

    behind = 0
}

/* before each write, so that never more than `lost` can be lost */

inline replicate() {
    if
    :: !failed_over ->

        if
        :: behind == c_expr { lost } -> copy(REPLICA, SHARED)
        :: else
        fi;

        behind++

    :: else -> copy(REPLICA, SHARED)
    fi
}

#endif


#ifdef CUT

/* What a gateway has counted alone it hands in when the store is back. */

inline hand_in(g) {
    for (i : 0 .. ATTEMPTS - 1) {
        if
        :: local(i) == g && alone[i] ->
            alone[i] = 0;

            for (kind : 0 .. KINDS - 1) {
                k = key(i, kind);

                if
                :: slots(g, i, kind) != GONE ->
                    add(SHARED, i, slots(g, i, kind))
                :: else
                fi
            }

        :: else
        fi
    }

    for (k : 0 .. KEYS - 1) {
        if
        :: st[g].lock[k] > st[SHARED].lock[k] ->
            st[SHARED].lock[k] = st[g].lock[k];
            st[SHARED].exists[k] = 1
        :: else
        fi
    }
}

#endif


/* What the gateway does; each one counts for itself too, whoever judges. */

inline begin(a) {
    age[a] = 0;
    s = SHARED;

#ifdef CUT
    s = (cut[local(a)] -> local(a) : SHARED);
    alone[a] = cut[local(a)];
#endif

    judge(s, a);
    charge(s, a);

    /* all keys or none */

    assert((slots(s, a, PAIR) == FLIGHT) == admitted);
    assert((slots(s, a, ACCOUNT) == FLIGHT) == admitted);
    assert((slots(s, a, ADDRESS) == FLIGHT) == admitted);

#ifdef CUT
    if
    :: s == SHARED -> charge(local(a), a)
    :: else
    fi;
#endif

    if
    :: admitted && what == BEGUN ->
        waiting[a] = 1;

        for (kind : 0 .. KINDS - 1) {
            true_of(a, kind) = FLIGHT
        }

    :: else
    fi
}

inline finish(a, outcome) {
    waiting[a] = 0;

#ifdef CUT
    for (i : 0 .. 1) {
        s = (i == 0 -> local(a) : SHARED);

        if
        :: i == 0 || !cut[local(a)] -> settle(s, a, outcome)
        :: else
        fi
    }
#else
    settle(SHARED, a, outcome)
#endif
}


/*
 * Anything may happen to any attempt at any time. An attempt that is over may
 * be settled once more, and one whose reservation nobody heard of withdrawn.
 */

active proctype Attempts()
{
    do
    :: atomic {
            select (who : 0 .. ATTEMPTS - 1);

            if
            :: next_unused(who) -> what = BEGUN
            :: waiting[who] -> what = FAILED
            :: waiting[who] -> what = SUCCEEDED
#ifndef CUT
            :: next_unused(who) -> what = UNHEARD
            :: waiting[who] -> what = LOST
            :: !waiting[who] && !unused(who) &&
               slots(SHARED, who, PAIR) != FLIGHT -> what = SUCCEEDED
#endif
#ifdef NEUTRAL_TOO
            :: waiting[who] -> what = NEUTRAL
            :: waiting[who] -> what = WITHDRAWN
            :: !waiting[who] && unknown(who) -> what = WITHDRAWN
#endif
            :: else -> what = NOTHING
            fi;

            d_step {
#ifdef FAILOVER
                replicate();
#endif

                if
                :: what == BEGUN || what == UNHEARD -> begin(who)
                :: what == LOST -> waiting[who] = 0
                :: what == NOTHING
                :: else -> finish(who, what)
                fi;

                check(who);
                order()
            }
       }
    od
}

active proctype Clock()
{
    do
    :: d_step { true -> tick(); order() }
    od
}

#ifdef FAILOVER

active proctype Failover()
{
    do
    :: d_step { behind > 0 -> copy(REPLICA, SHARED); order() }
    :: d_step {
            !failed_over -> copy(SHARED, REPLICA);
            failed_over = 1;
            order()
       }
    od
}

#endif

#ifdef CUT

active proctype Links()
{
    do
    :: cut[1] = 1
    :: cut[2] = 1
    :: d_step { cut[1] -> cut[1] = 0; hand_in(1); order() }
    :: d_step { cut[2] -> cut[2] = 0; hand_in(2); order() }
    od
}

#endif
