/* Sends events and takes the answers, both in one thread, and writes down what it saw.
 *
 *   load key=value …
 *
 *   port        where events go, on 127.0.0.1;  path [/];  type [application/cloudevents+json]
 *   template    file with the body; twelve @ become the number of the event, ~~ one of eight
 *   witness     file to write: microseconds, what, number, status; one line per thing seen
 *   sink        descriptor that listens for answers; without it nobody waits for any
 *   connections kept open to send on [8]
 *   outstanding closed loop: so many events are under way [32]
 *   rate        open loop: so many events per second, whatever happens
 *   wait        closed loop: an event is under way until it is "finished" or "accepted"
 *   seconds, count  ends sending;  settle: the longest to wait for answers then [30]
 *   first       number of the first event [0]
 *
 * SIGTERM ends it early: what was seen so far is written down.
 *
 * What: p sent (when it was due, in the open loop), a answered with status, s started,
 * f finished with pass, F finished otherwise, o anything else that came to the sink.
 * Prints "sent" when every event was answered, and last its own CPU seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 22, PLACES = 32, CONNECTIONS = 256 };
enum kind { LISTENING, TIMER, SENDING, SINKING };
static const char TAKEN[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

struct line {
    long time, number;
    int status;
    char what;
};
struct peer {
    enum kind kind;
    int fd;
    long number; /* of the event that waits for its answer; -1 when idle */
    long length;
    char buffer[ROOM + 1];
};
struct place {
    long at;
    int digits;
};

static struct line *lines;
static long count_of_lines, room_for_lines;
static char *request;
static long request_length;
static struct place places[PLACES];
static int count_of_places, poll_fd;
static struct peer *idle[CONNECTIONS];
static int count_of_idle;
static long next_number, answered, finished, due;
static int port;
static int all_sent;
static volatile sig_atomic_t told_to_end;

static void die(const char *why) {
    fprintf(stderr, "load: %s (%s)\n", why, strerror(errno));
    exit(70);
}

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void note(long time, char what, long number, int status) {
    if (count_of_lines == room_for_lines) {
        room_for_lines = room_for_lines ? 2 * room_for_lines : 1 << 16;
        lines = realloc(lines, room_for_lines * sizeof *lines);
        if (!lines) die("no memory");
    }
    lines[count_of_lines++] = (struct line){time, number, status, what};
}

static void find_places(const char *mark, int digits) {
    for (char *at = request; (at = strstr(at, mark)); at += digits) {
        if (count_of_places == PLACES) die("too many places in the template");
        places[count_of_places++] = (struct place){at - request, digits};
    }
}

static void read_template(const char *file, const char *path, const char *type) {
    FILE *from = fopen(file, "r");
    char *body = calloc(1, ROOM), *head = malloc(1024);
    if (!from) die("no template");
    long size = fread(body, 1, ROOM - 1, from);
    fclose(from);
    sprintf(head, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: %s\r\n"
            "Content-Length: %ld\r\n\r\n", path, port, type, size);
    request = malloc(strlen(head) + size + 1);
    request_length = sprintf(request, "%s%s", head, body);
    find_places("@@@@@@@@@@@@", 12);
    find_places("~~", 2);
}

static void watch(struct peer *peer) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = peer};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, peer->fd, &wanted)) die("epoll_ctl");
}

static struct peer *new_peer(enum kind kind, int fd) {
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) die("no memory");
    peer->kind = kind, peer->fd = fd, peer->number = -1;
    watch(peer);
    return peer;
}

static int connection(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) die("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static void write_all(int fd, const char *from, long length) {
    while (length > 0) {
        long n = send(fd, from, length, MSG_NOSIGNAL);
        if (n < 0) die("cannot send");
        from += n, length -= n;
    }
}

static void send_event(long at) {
    struct peer *peer = idle[--count_of_idle];
    char digits[16];
    long number = next_number++;
    for (int i = 0; i < count_of_places; i++) {
        int wide = places[i].digits;
        sprintf(digits, "%0*ld", wide, wide == 2 ? number % 8 : number);
        memcpy(request + places[i].at, digits, wide);
    }
    note(at, 'p', number, 0);
    peer->number = number;
    write_all(peer->fd, request, request_length);
}

/* Returns the length of the first whole message in the buffer, 0 when it is not there yet. */
static long whole(struct peer *peer) {
    peer->buffer[peer->length] = 0;
    char *end = strstr(peer->buffer, "\r\n\r\n");
    if (!end) return 0;
    char *said = strcasestr(peer->buffer, "\r\ncontent-length:");
    if (!said || said > end) die("a message without Content-Length");
    long length = end + 4 - peer->buffer + atol(said + 17);
    if (length > ROOM) die("a message that is too long");
    return length <= peer->length ? length : 0;
}

static void take_answer(struct peer *peer, long length) {
    (void)length;
    note(now(), 'a', peer->number, atoi(peer->buffer + 9));
    if (peer->number < 0) die("an answer to no request");
    peer->number = -1;
    answered++;
    idle[count_of_idle++] = peer;
}

static int has(const char *text, long length, const char *word) {
    return memmem(text, length, word, strlen(word)) != NULL;
}

static void take_event(struct peer *peer, long length) {
    char *text = peer->buffer, *at = memmem(text, length, "\"triggeredid\"", 13);
    at = at ? strstr(at, "bench-") : NULL;
    long number = at ? atol(at + 6) : -1;
    char what = 'o';
    if (has(text, length, ".started\"")) what = 's';
    else if (has(text, length, ".finished\""))
        what = has(text, length, "\"result\":\"pass\"") || has(text, length, "\"result\": \"pass\"") ? 'f' : 'F';
    note(now(), what, number, 0);
    if (what == 'f' || what == 'F') finished++;
    write_all(peer->fd, TAKEN, sizeof TAKEN - 1);
}

static void renew(struct peer *peer) {
    close(peer->fd);
    if (peer->number >= 0) die("the service closed a connection without an answer");
    if (all_sent) return; /* the service may have been ended */
    peer->fd = connection(), peer->length = 0;
    watch(peer);
}

static void hear(struct peer *peer) {
    long n = recv(peer->fd, peer->buffer + peer->length, ROOM - peer->length, MSG_DONTWAIT), used;
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) return;
        if (peer->kind == SENDING) {
            renew(peer);
        } else {
            close(peer->fd);
            free(peer);
        }
        return;
    }
    peer->length += n;
    while ((used = whole(peer))) {
        if (peer->kind == SENDING) take_answer(peer, used);
        else take_event(peer, used);
        peer->length -= used;
        memmove(peer->buffer, peer->buffer + used, peer->length);
    }
}

static void serve(struct epoll_event *events, int n) {
    for (int i = 0; i < n; i++) {
        struct peer *peer = events[i].data.ptr;
        unsigned long times;
        if (peer->kind == LISTENING) {
            int fd = accept(peer->fd, NULL, NULL), yes = 1;
            if (fd < 0) continue;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            new_peer(SINKING, fd);
        } else if (peer->kind == TIMER) {
            if (read(peer->fd, &times, sizeof times) == sizeof times) due += times;
        } else hear(peer);
    }
}

static void set_timer(double rate) {
    long pause = 1e9 / rate;
    struct itimerspec at = {{pause / 1000000000, pause % 1000000000}, {0, 1}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (fd < 0 || timerfd_settime(fd, 0, &at, NULL)) die("no timer");
    new_peer(TIMER, fd);
}

static void write_witness(const char *file) {
    FILE *to = fopen(file, "w");
    if (!to) die("cannot write the witness");
    for (long i = 0; i < count_of_lines; i++)
        fprintf(to, "%ld %c %ld %d\n", lines[i].time, lines[i].what, lines[i].number, lines[i].status);
    if (fclose(to)) die("cannot write the witness");
}

static const char *given(int argc, char **argv, const char *key, const char *otherwise) {
    long length = strlen(key);
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], key, length) && argv[i][length] == '=') return argv[i] + length + 1;
    return otherwise;
}

static void end_early(int number) {
    told_to_end = number;
}

int main(int argc, char **argv) {
    const char *sink = given(argc, argv, "sink", NULL);
    double rate = atof(given(argc, argv, "rate", "0"));
    long outstanding = atol(given(argc, argv, "outstanding", "32"));
    long count = atol(given(argc, argv, "count", "1000000000"));
    int connections = atoi(given(argc, argv, "connections", "8")), told = 0;
    int until_finished = sink && !strcmp(given(argc, argv, "wait", "finished"), "finished");
    struct epoll_event events[64];
    long first = next_number = atol(given(argc, argv, "first", "0"));
    port = atoi(given(argc, argv, "port", "0"));
    read_template(given(argc, argv, "template", ""), given(argc, argv, "path", "/"),
                  given(argc, argv, "type", "application/cloudevents+json"));
    poll_fd = epoll_create1(0);
    signal(SIGTERM, end_early);
    if (sink) new_peer(LISTENING, atoi(sink));
    for (int i = 0; i < connections && i < CONNECTIONS; i++)
        idle[count_of_idle++] = new_peer(SENDING, connection());
    if (rate > 0) set_timer(rate);
    long begun = now(), until = begun + 1e6 * atof(given(argc, argv, "seconds", "1000000"));
    long last = 0, patience = 1e6 * atof(given(argc, argv, "settle", "30")), posted = 0;
    for (;;) {
        long at = now();
        int sending = at < until && posted < count;
        while (sending && count_of_idle && posted < count) {
            long open = posted - (until_finished ? finished : answered);
            if (rate > 0 ? posted >= due : open >= outstanding) break;
            send_event(rate > 0 ? begun + (long)(posted * 1e6 / rate) : now());
            posted = next_number - first;
        }
        if (!sending && !last) last = at;
        all_sent = !sending && answered >= posted;
        if (all_sent && !told++) puts("sent"), fflush(stdout);
        if (all_sent && (!sink || finished >= posted)) break;
        if (told_to_end || (!sending && at > last + patience)) break;
        serve(events, epoll_wait(poll_fd, events, 64, 50));
    }
    /* A double comes, if at all, right after: give it a moment. */
    for (long end = now() + (sink ? 150000 : 0); now() < end;)
        serve(events, epoll_wait(poll_fd, events, 64, 50));
    write_witness(given(argc, argv, "witness", "/dev/null"));
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("%.6f\n", used.ru_utime.tv_sec + used.ru_stime.tv_sec +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    return 0;
}
