/* The n-body problem of five bodies, one step = 10 pairs. Built as wasm and natively by
 * bench/compare.mjs. Masses and orbits: NASA JPL Horizons, as in the well-known benchmark. */
enum { BODIES = 5 };
struct body {
    double x[3], v[3], mass;
};
#define PI 3.141592653589793
#define SOLAR_MASS (4 * PI * PI)
#define DAYS 365.24
static struct body bodies[BODIES];

static const struct body at_start[BODIES] = {
    {{0, 0, 0}, {0, 0, 0}, SOLAR_MASS},
    {{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01},
     {1.66007664274403694e-03 * DAYS, 7.69901118419740425e-03 * DAYS,
      -6.90460016972063023e-05 * DAYS},
     9.54791938424326609e-04 * SOLAR_MASS},
    {{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01},
     {-2.76742510726411904e-03 * DAYS, 4.99852801234917238e-03 * DAYS,
      2.30417297573763929e-05 * DAYS},
     2.85885980666130812e-04 * SOLAR_MASS},
    {{1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01},
     {2.96460137564761618e-03 * DAYS, 2.37847173959480950e-03 * DAYS,
      -2.96589568540237556e-05 * DAYS},
     4.36624404335156298e-05 * SOLAR_MASS},
    {{1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01},
     {2.68067772490389322e-03 * DAYS, 1.62824170038242295e-03 * DAYS,
      -9.51592254519715870e-05 * DAYS},
     5.15138902046611451e-05 * SOLAR_MASS},
};

static void step(double dt)
{
    for (int i = 0; i < BODIES; i++) {
        struct body *a = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            struct body *b = &bodies[j];
            double d[3], square = 0;
            for (int k = 0; k < 3; k++) {
                d[k] = a->x[k] - b->x[k];
                square += d[k] * d[k];
            }
            const double pull = dt / (square * __builtin_sqrt(square));
            for (int k = 0; k < 3; k++) {
                a->v[k] -= d[k] * b->mass * pull;
                b->v[k] += d[k] * a->mass * pull;
            }
        }
    }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            bodies[i].x[k] += dt * bodies[i].v[k];
}

/* Yields the kinetic energy after so many steps: a check that both builds computed the same. */
#ifdef __wasm__
__attribute__((export_name("run")))
#endif
double
run(int steps)
{
    double energy = 0;
    for (int i = 0; i < BODIES; i++)
        bodies[i] = at_start[i];
    for (int i = 0; i < steps; i++)
        step(0.01);
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            energy += 0.5 * bodies[i].mass * bodies[i].v[k] * bodies[i].v[k];
    return energy;
}

#ifndef __wasm__
#include <stdio.h>
#include <time.h>
int main(void)
{
    for (int i = 0; i < 9; i++) {
        struct timespec a, b;
        (void)clock_gettime(CLOCK_MONOTONIC, &a);
        const double energy = run(1000000);
        (void)clock_gettime(CLOCK_MONOTONIC, &b);
        printf("%.3f %.12f\n",
               (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6, energy);
    }
    return 0;
}
#endif
