/* The floor: what running a script costs when nobody keeps a record of it.
 *
 *   floor WORKERS SECONDS SHELL SCRIPT
 *
 * Each worker starts SHELL SCRIPT over and over: vfork, a session of its own, output into one
 * pipe that is read to its end, 80 variables (9 KB), wait. Prints one JSON object:
 * runs, seconds, microseconds of CPU per run, and the median and 99th percentile of one run.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VARIABLES = 80, VALUE = 100, MOST = 1 << 20 };

struct tally {
    volatile long runs;
    double cpu; /* seconds, of the worker and of what it ran */
    float took[MOST]; /* microseconds */
};

static char *variables[VARIABLES + 2];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fill_variables(void) {
    for (int i = 0; i < VARIABLES; i++) {
        variables[i] = malloc(VALUE + 32);
        int n = sprintf(variables[i], "DATA_VARIABLE_%02d=", i);
        for (int k = 0; k < VALUE; k++) variables[i][n + k] = 'a' + (i + k) % 26;
        variables[i][n + VALUE] = 0;
    }
    variables[VARIABLES] = "PATH=/usr/local/bin:/usr/bin:/bin";
}

static void run(const char *shell, const char *script) {
    int ends[2], status;
    char buffer[65536];
    volatile long got = 0;
    long n;
    if (pipe2(ends, O_CLOEXEC)) exit(70);
    pid_t child = vfork();
    if (child == 0) {
        setsid();
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execve(shell, (char *[]){(char *)shell, (char *)script, NULL}, variables);
        _exit(127);
    }
    close(ends[1]);
    while ((n = read(ends[0], buffer, sizeof buffer)) > 0) got += n;
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child || status || !got) {
        fprintf(stderr, "%s %s did not do what it should\n", shell, script);
        exit(70);
    }
}

static double cpu_of(int who) {
    struct rusage used;
    getrusage(who, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void work(struct tally *tally, double until, const char *shell, const char *script) {
    for (double begun = now(); begun < until && tally->runs < MOST;) {
        run(shell, script);
        double ended = now();
        tally->took[tally->runs++] = (ended - begun) * 1e6;
        begun = ended;
    }
    tally->cpu = cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 5) return 64;
    int workers = atoi(argv[1]);
    struct tally *tallies = mmap(NULL, workers * sizeof *tallies, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (tallies == MAP_FAILED) return 70;
    fill_variables();
    double begun = now(), until = begun + atof(argv[2]);
    for (int i = 0; i < workers; i++)
        if (fork() == 0) {
            work(&tallies[i], until, argv[3], argv[4]);
            return 0;
        }
    int status, failed = 0;
    while (wait(&status) > 0) failed |= status;
    double took = now() - begun, cpu = 0;
    long runs = 0, n = 0;
    for (int i = 0; i < workers; i++) runs += tallies[i].runs, cpu += tallies[i].cpu;
    if (failed || !runs) return 70;
    float *all = malloc(runs * sizeof *all);
    for (int i = 0; i < workers; i++)
        for (long k = 0; k < tallies[i].runs; k++) all[n++] = tallies[i].took[k];
    qsort(all, runs, sizeof *all, by_size);
    printf("{\"runs\": %ld, \"seconds\": %.4f, \"cpu\": %.1f, \"p50\": %.1f, \"p99\": %.1f}\n",
           runs, took, cpu * 1e6 / runs, all[runs / 2], all[runs * 99 / 100]);
    return 0;
}
