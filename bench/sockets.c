/*
 * Copyright (C) the ngx_tradesec authors
 *
 * usage: sockets
 *
 * Both ends of many WebSockets with a gateway in between, in one loop: a
 * Perl program would be slower than what it is to measure. Prints the port of
 * its backend, then obeys, a line each, and answers each with a line:
 *
 *   open PORT N COOKIE    opens N sockets more through a gateway: "open N"
 *   text MESSAGE          what is sent from now on: "text"
 *   go MODE MILLISECONDS  "passed MESSAGES", in both directions together
 *   wait MILLISECONDS     waits until the gateway has closed all sockets:
 *                         "closed N CODE MILLISECONDS", with the code of their
 *                         close frames, 0 if they differ or are missing
 *   drop                  closes all sockets: "dropped"
 *
 * Modes: echo (a message each way, in turn), stream (the backend writes one
 * after the other, WINDOW ahead of the client), batch (BATCH in each write of
 * the backend, in turn).
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define SOCKETS  16384
#define BATCH    40
#define WINDOW   64
#define MESSAGE  1024

#define KEY      "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT   "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


/* Of one WebSocket: [0] is the client's end, [1] the backend's. */

typedef struct {
    int       fd[2];
    size_t    arrived[2];       /* bytes of messages that are not counted yet */
    unsigned  ahead;            /* messages that are under way to the client */
    unsigned  code;             /* of the close frame; 0: none was seen */
    int       gone[2];
} pair_t;


static pair_t    pairs[SOCKETS];
static unsigned  n_pairs;

static char      out[MESSAGE], masked[MESSAGE], batch[BATCH * MESSAGE];
static size_t    out_len, masked_len;

static int       listener, events;


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1e3 + (double) ts.tv_nsec / 1e6;
}


static void
listen_anywhere(void)
{
    socklen_t           len;
    struct sockaddr_in  in;

    memset(&in, 0, sizeof(in));
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    len = sizeof(in);
    listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener == -1 || bind(listener, (struct sockaddr *) &in, len) == -1
        || listen(listener, SOMAXCONN) == -1
        || getsockname(listener, (struct sockaddr *) &in, &len) == -1)
    {
        die("listen");
    }

    printf("%d\n", ntohs(in.sin_port));
}


static void
read_head(int fd, const char *begins)
{
    char     head[4096];
    size_t   len;
    ssize_t  n;

    len = 0;

    do {
        /* byte by byte: what follows is not ours */

        n = read(fd, head + len, 1);

        if (n <= 0 || len == sizeof(head) - 2) {
            fprintf(stderr, "no handshake: %.*s\n", (int) len, head);
            exit(1);
        }

        head[++len] = '\0';

    } while (len < 4 || strcmp(head + len - 4, "\r\n\r\n") != 0);

    if (strncmp(head, begins, strlen(begins)) != 0) {
        fprintf(stderr, "not \"%s\": %s\n", begins, head);
        exit(1);
    }
}


static void
open_pair(int port, const char *cookie)
{
    int                 i, one;
    char                text[8192];
    pair_t             *p;
    struct epoll_event  ev;
    struct sockaddr_in  in;

    static const char  accepted[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n";

    if (n_pairs == SOCKETS) {
        die("too many sockets");
    }

    p = &pairs[n_pairs];
    memset(p, 0, sizeof(*p));

    memset(&in, 0, sizeof(in));
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in.sin_port = htons((uint16_t) port);

    p->fd[0] = socket(AF_INET, SOCK_STREAM, 0);

    if (p->fd[0] == -1
        || connect(p->fd[0], (struct sockaddr *) &in, sizeof(in)) == -1)
    {
        die("connect");
    }

    snprintf(text, sizeof(text), "GET /feed HTTP/1.1\r\nHost: bench.test\r\n"
             "Upgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n"
             "Cookie: access_token=%s\r\n\r\n", cookie);

    if (write(p->fd[0], text, strlen(text)) == -1) {
        die("write");
    }

    p->fd[1] = accept(listener, NULL, NULL);

    if (p->fd[1] == -1) {
        die("accept");
    }

    read_head(p->fd[1], "GET ");

    if (write(p->fd[1], accepted, sizeof(accepted) - 1) == -1) {
        die("write");
    }

    read_head(p->fd[0], "HTTP/1.1 101 ");

    for (i = 0; i < 2; i++) {
        one = 1;
        setsockopt(p->fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        fcntl(p->fd[i], F_SETFL, O_NONBLOCK);

        ev.events = EPOLLIN | EPOLLRDHUP;
        ev.data.u32 = n_pairs * 2 + (unsigned) i;

        if (epoll_ctl(events, EPOLL_CTL_ADD, p->fd[i], &ev) == -1) {
            die("epoll_ctl");
        }
    }

    n_pairs++;
}


static void
drop(void)
{
    unsigned  i;

    for (i = 0; i < n_pairs; i++) {
        close(pairs[i].fd[0]);
        close(pairs[i].fd[1]);
    }

    n_pairs = 0;
}


/* Of more than 125 bytes, so that the headers are 4 and 8 bytes long. */

static void
set_text(const char *text)
{
    size_t  i, len;

    static const uint8_t  mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

    len = strlen(text);

    if (len < 126 || len > MESSAGE - 8) {
        die("length of the message");
    }

    out[0] = masked[0] = (char) 0x81;
    out[1] = 126;
    masked[1] = (char) 0xfe;
    out[2] = masked[2] = (char) (len >> 8);
    out[3] = masked[3] = (char) (len & 0xff);
    memcpy(masked + 4, mask, 4);
    memcpy(out + 4, text, len);

    for (i = 0; i < len; i++) {
        masked[8 + i] = (char) (text[i] ^ mask[i % 4]);
    }

    out_len = len + 4;
    masked_len = len + 8;

    for (i = 0; i < BATCH; i++) {
        memcpy(batch + i * out_len, out, out_len);
    }
}


/* Small enough, and little enough at a time, for what the kernel takes. */

static void
put(int fd, const char *data, size_t len)
{
    if (write(fd, data, len) != (ssize_t) len) {
        die("write");
    }
}


static unsigned
count(pair_t *p, int end, size_t n)
{
    size_t    size;
    unsigned  messages;

    size = end ? masked_len : out_len;
    p->arrived[end] += n;

    messages = (unsigned) (p->arrived[end] / size);
    p->arrived[end] %= size;

    return messages;
}


static unsigned long
arrived(pair_t *p, int end, size_t n, char mode, int more)
{
    unsigned  messages, i;

    messages = count(p, end, n);

    if (end == 1) {
        for (i = 0; i < messages; i++) {
            put(p->fd[1], out, out_len);
        }

        return messages;
    }

    p->ahead -= messages;

    if (!more) {
        return messages;
    }

    if (mode == 'e' && p->ahead == 0) {
        p->ahead = 1;
        put(p->fd[0], masked, masked_len);
    }

    if (mode == 'b' && p->ahead == 0) {
        p->ahead = BATCH;
        put(p->fd[1], batch, BATCH * out_len);
    }

    while (mode == 's' && p->ahead < WINDOW) {
        p->ahead++;
        put(p->fd[1], out, out_len);
    }

    return messages;
}


static void
go(char mode, double milliseconds)
{
    int                 i, n, end;
    double              until;
    pair_t             *p;
    ssize_t             size;
    unsigned            k, open;
    unsigned long       passed;
    struct epoll_event  ready[256];

    static char  in[256 * 1024];

    until = now() + milliseconds;
    passed = 0;

    for (k = 0; k < n_pairs; k++) {
        (void) arrived(&pairs[k], 0, 0, mode, 1);
    }

    do {
        n = epoll_wait(events, ready, 256, 1000);

        for (i = 0; i < n; i++) {
            p = &pairs[ready[i].data.u32 / 2];
            end = ready[i].data.u32 % 2;

            size = read(p->fd[end], in, sizeof(in));

            if (size <= 0) {
                die("read");
            }

            passed += arrived(p, end, (size_t) size, mode, now() < until);
        }

        /* to the last message under way */

        for (open = 0, k = 0; now() >= until && k < n_pairs; k++) {
            open += (pairs[k].ahead != 0);
        }

    } while (now() < until || open);

    printf("passed %lu\n", passed);
}


static void
leave(pair_t *p, int end, unsigned *left)
{
    if (!p->gone[end]) {
        p->gone[end] = 1;
        epoll_ctl(events, EPOLL_CTL_DEL, p->fd[end], NULL);
        shutdown(p->fd[end], SHUT_RDWR);
        (*left)--;
    }
}


/* A close frame is answered as it came, masked by zeros towards the backend. */

static void
closing(pair_t *p, int end, const uint8_t *in, ssize_t size)
{
    uint8_t  answer[6 + 2];

    if (size < 4 || in[0] != 0x88) {
        return;
    }

    if (end == 0) {
        p->code = (unsigned) in[2] << 8 | in[3];

        memset(answer, 0, sizeof(answer));
        answer[0] = 0x88;
        answer[1] = 0x80 | 2;
        memcpy(answer + 6, in + 2, 2);
        (void) !write(p->fd[0], answer, 8);
        return;
    }

    if (size >= 8) {
        answer[0] = 0x88;
        answer[1] = 2;
        answer[2] = in[6] ^ in[2];
        answer[3] = in[7] ^ in[3];
        (void) !write(p->fd[1], answer, 4);
    }
}


static void
wait_closed(double milliseconds)
{
    int                 i, n, end;
    double              start;
    pair_t             *p;
    ssize_t             size;
    uint8_t             in[4096];
    unsigned            left, k, code;
    struct epoll_event  ready[256];

    start = now();
    left = n_pairs * 2;

    while (left && now() - start < milliseconds) {
        n = epoll_wait(events, ready, 256, 100);

        for (i = 0; i < n; i++) {
            p = &pairs[ready[i].data.u32 / 2];
            end = ready[i].data.u32 % 2;
            size = read(p->fd[end], in, sizeof(in));

            if (size <= 0) {
                leave(p, end, &left);

            } else {
                closing(p, end, in, size);
            }
        }
    }

    code = n_pairs ? pairs[0].code : 0;

    for (k = 0; k < n_pairs; k++) {
        code = (pairs[k].code == code) ? code : 0;
    }

    printf("closed %u %u %.0f\n", n_pairs - (left + 1) / 2, code,
           now() - start);
}


int
main(void)
{
    int            port, n, ms;
    char           line[8192], word[16], cookie[4096];
    struct rlimit  files;

    setvbuf(stdout, NULL, _IOLBF, 0);

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }

    events = epoll_create1(0);

    if (events == -1) {
        die("epoll_create1");
    }

    listen_anywhere();

    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';

        if (sscanf(line, "open %d %d %4095s", &port, &n, cookie) == 3) {
            while (n-- > 0) {
                open_pair(port, cookie);
            }

            printf("open %u\n", n_pairs);

        } else if (strncmp(line, "text ", 5) == 0) {
            set_text(line + 5);
            puts("text");

        } else if (sscanf(line, "go %15s %d", word, &ms) == 2) {
            go(word[0], ms);

        } else if (sscanf(line, "wait %d", &ms) == 1) {
            wait_closed(ms);

        } else if (strcmp(line, "drop") == 0) {
            drop();
            puts("dropped");

        } else {
            die("order");
        }
    }

    return 0;
}
