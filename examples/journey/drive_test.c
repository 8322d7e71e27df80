/* The drive: is the log well-formed, is the motion one that a car could make, and is it the same
 * each time? The reader here is written from README.md, not from the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive_log.h"
#include "frames.h"

typedef struct frame {
    uint64_t time_us; /* since the start */
    uint32_t id;
    uint8_t data[8];
} frame;

typedef struct drive {
    char *text;
    size_t size;
    frame *frames;
    size_t count;
} drive;

static const uint64_t start_unix = 1767225600;

static unsigned digit(char c, const char *digits)
{
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    assert_non_null(at);
    return (unsigned)(at - digits);
}

static uint64_t number(const char **p, unsigned count, const char *digits, unsigned base)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < count; i++)
        n = n * base + digit(*(*p)++, digits);
    return n;
}

static void expect_text(const char **p, const char *text)
{
    assert_int_equal(strncmp(*p, text, strlen(text)), 0);
    *p += strlen(text);
}

/* One line, to the letter: (10 digits . 6 digits) can0 3 hex # 16 hex. */
static frame parse_line(const char **p)
{
    static const char decimal[] = "0123456789", hex[] = "0123456789ABCDEF";
    frame f = {0};
    expect_text(p, "(");
    uint64_t seconds = number(p, 10, decimal, 10);
    expect_text(p, ".");
    f.time_us = (seconds - start_unix) * 1000000 + number(p, 6, decimal, 10);
    expect_text(p, ") can0 ");
    f.id = (uint32_t)number(p, 3, hex, 16);
    expect_text(p, "#");
    for (unsigned i = 0; i < 8; i++)
        f.data[i] = (uint8_t)number(p, 2, hex, 16);
    expect_text(p, "\n");
    return f;
}

static drive make_drive(unsigned seconds, uint64_t seed)
{
    drive d = {0};
    FILE *out = open_memstream(&d.text, &d.size);
    assert_non_null(out);
    drive_options options = drive_options_default();
    assert_int_equal(options.start_unix, start_unix);
    options.seconds = seconds;
    options.seed = seed;
    assert_true(drive_write(out, &options));
    assert_int_equal(fclose(out), 0);
    d.frames = calloc(d.size / 45 + 1, sizeof *d.frames);
    assert_non_null(d.frames);
    for (const char *p = d.text; p < d.text + d.size;)
        d.frames[d.count++] = parse_line(&p);
    return d;
}

static void free_drive(drive *d)
{
    free(d->text);
    free(d->frames);
}

static double u16(const frame *f, unsigned at, double factor)
{
    return (f->data[at] | (f->data[at + 1] << 8)) * factor;
}

static double i16(const frame *f, unsigned at, double factor)
{
    return (int16_t)(uint16_t)(f->data[at] | (f->data[at + 1] << 8)) * factor;
}

/* The next frame of `id` from `from`; NULL at the end. */
static const frame *next(const drive *d, const frame *from, uint32_t id)
{
    const frame *end = d->frames + d->count;
    for (const frame *f = from == NULL ? d->frames : from + 1; f < end; f++)
        if (f->id == id)
            return f;
    return NULL;
}

static int setup(void **state)
{
    static drive d;
    d = make_drive(60, 1);
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    free_drive(*state);
    return 0;
}

static void test_crc_is_j1850(void **state)
{
    (void)state;
    /* The catalogue's check value of CRC-8/SAE-J1850. */
    assert_int_equal(frame_crc((const uint8_t *)"123456789", 9), 0x4b);
}

static void test_frames_are_ordered_and_whole(void **state)
{
    const drive *d = *state;
    int counters[0x400];
    memset(counters, -1, sizeof counters);
    for (size_t i = 0; i < d->count; i++) {
        const frame *f = &d->frames[i];
        assert_true(f->time_us < 60 * UINT64_C(1000000) + 1000);
        if (i > 0) /* a frame takes the bus for 240 us */
            assert_true(f->time_us >= d->frames[i - 1].time_us + 240);
        assert_int_equal(f->data[7], frame_crc(f->data, 7));
        assert_true(f->id < 0x400);
        if (counters[f->id] >= 0)
            assert_int_equal(f->data[6] & 15, (counters[f->id] + 1) & 15);
        counters[f->id] = f->data[6] & 15;
    }
}

static void test_rates(void **state)
{
    const drive *d = *state;
    static const struct {
        uint32_t id;
        size_t count;
    } rates[] = {{0x0a0, 6000}, {0x0b0, 6000}, {0x0c4, 6000},
                 {0x110, 3000}, {0x3b0, 600},  {0x050, 601}}; /* one at deployment */
    size_t total = 0;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        size_t count = 0;
        const frame *last = NULL;
        for (const frame *f = next(d, NULL, rates[i].id); f != NULL; f = next(d, f, rates[i].id)) {
            if (last != NULL) /* never silent for long */
                assert_true(f->time_us - last->time_us < 2 * 60000000 / rates[i].count);
            last = f;
            count++;
        }
        assert_int_equal(count, rates[i].count);
        total += count;
    }
    assert_int_equal(total, d->count); /* and no other message */
}

/* The integral of the acceleration is the speed, within what noise and sampling leave. */
static void test_speed_integrates_acceleration(void **state)
{
    const drive *d = *state;
    double speed_mps = 0, highest = 0;
    const frame *last = next(d, NULL, 0x0a0);
    for (const frame *f = next(d, last, 0x0a0); f != NULL; f = next(d, f, 0x0a0)) {
        double dt = (double)(f->time_us - last->time_us) / 1e6;
        speed_mps += 0.5 * (i16(f, 2, 0.01) + i16(last, 2, 0.01)) * dt;
        double told = u16(f, 0, 0.01);
        assert_true(fabs(speed_mps * 3.6 - told) < 1.5);
        highest = fmax(highest, told);
        last = f;
    }
    assert_true(highest > 60 && highest < 130);
    assert_int_equal(u16(last, 0, 1), 0); /* at rest in the end */
}

/* Greatest loss of speed within 150 ms, km/h, and when that window ends. */
static double greatest_loss(const drive *d, uint64_t before_us, uint64_t *ret_at_us)
{
    double greatest = 0;
    const frame *first = next(d, NULL, 0x0a0);
    for (const frame *f = first; f != NULL && f->time_us < before_us; f = next(d, f, 0x0a0)) {
        while (f->time_us - first->time_us > 150000)
            first = next(d, first, 0x0a0);
        double loss = u16(first, 0, 0.01) - u16(f, 0, 0.01);
        if (loss > greatest) {
            greatest = loss;
            *ret_at_us = f->time_us;
        }
    }
    return greatest;
}

/* 49 CFR 563.5: an event is a change of 8 km/h or more within 150 ms. Braking is none. */
static void test_there_is_one_crash(void **state)
{
    const drive *d = *state;
    uint64_t at_us = 0;
    assert_true(greatest_loss(d, 57000000, &at_us) < 6);
    double loss = greatest_loss(d, UINT64_MAX, &at_us);
    assert_true(loss > 30 && loss < 80);
    assert_in_range(at_us, 57080000, 57200000);
}

static void test_airbag_tells_the_crash(void **state)
{
    const drive *d = *state;
    unsigned changes = 0;
    bool fired = false;
    const frame *last = NULL;
    for (const frame *f = next(d, NULL, 0x050); f != NULL; f = next(d, f, 0x050)) {
        bool now = (f->data[6] & 0x10) != 0;
        assert_int_equal(f->data[1], now ? 3 : 0);
        if (now && !fired) {
            uint64_t told_us = 57000000 + (uint64_t)f->data[2] * 1000;
            assert_in_range(f->data[2], 5, 60);
            assert_in_range(f->time_us, told_us, told_us + 3000); /* sent at once */
        }
        changes += now != fired;
        fired = now;
        last = f;
    }
    assert_int_equal(changes, 1);
    assert_true(fired);
    uint64_t at_us = 0;
    assert_true(fabs(last->data[0] * 0.5 - greatest_loss(d, UINT64_MAX, &at_us)) < 5);
}

/* In a steady bend the sideways acceleration is speed times yaw rate, and the car turns to the side
 * to which the wheel is turned. */
static void test_bends(void **state)
{
    const drive *d = *state;
    const double pi = 3.14159265358979323846;
    size_t bends = 0;
    const frame *speed = next(d, NULL, 0x0a0);
    for (const frame *f = next(d, NULL, 0x0c4); f != NULL; f = next(d, f, 0x0c4)) {
        while (speed->time_us + 10000 < f->time_us)
            speed = next(d, speed, 0x0a0);
        double kmh = u16(speed, 0, 0.01), wheel = i16(f, 0, 0.1), yaw = i16(f, 4, 0.01);
        if (f->time_us > 56900000 || kmh < 15 || fabs(wheel) < 60 || fabs(i16(f, 2, 1)) > 4)
            continue;
        bends++;
        assert_true(wheel * yaw > 0);
        assert_true(fabs(i16(speed, 4, 0.01) - kmh / 3.6 * yaw * pi / 180) < 0.4);
    }
    assert_true(bends > 200);
}

static void test_engine_and_brake_agree_with_the_motion(void **state)
{
    const drive *d = *state;
    const frame *speed = next(d, NULL, 0x0a0);
    size_t braking = 0;
    bool gears[8] = {false};
    for (const frame *f = d->frames; f < d->frames + d->count && f->time_us < 57000000; f++) {
        if (f->id == 0x0a0)
            speed = f;
        if (f->id == 0x110) {
            assert_in_range(f->data[3], 1, 6);
            gears[f->data[3]] = true;
            assert_true(u16(f, 0, 0.25) > 700 && u16(f, 0, 0.25) < 6500);
        }
        if (f->id == 0x0b0 && u16(f, 0, 0.1) > 40 && u16(speed, 0, 0.01) > 5) {
            braking++;
            assert_true(i16(speed, 2, 0.01) < 0.2);
        }
    }
    assert_true(braking > 100 && gears[1] && gears[2] && gears[3] && gears[4]);
}

static void test_same_seed_same_bytes(void **state)
{
    const drive *d = *state;
    drive again = make_drive(60, 1), other = make_drive(60, 2);
    assert_int_equal(again.size, d->size);
    assert_memory_equal(again.text, d->text, d->size);
    assert_int_equal(other.size, d->size);
    assert_memory_not_equal(other.text, d->text, d->size);
    free_drive(&again);
    free_drive(&other);
}

static void test_every_length_ends_in_a_crash(void **state)
{
    (void)state;
    static const unsigned lengths[] = {25, 26, 41, 75, 130, 600};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        drive d = make_drive(lengths[i], lengths[i]);
        uint64_t crash_us = (lengths[i] - 3) * UINT64_C(1000000), at_us = 0;
        assert_true(greatest_loss(&d, crash_us, &at_us) < 6);
        assert_true(greatest_loss(&d, UINT64_MAX, &at_us) > 8);
        assert_in_range(at_us, crash_us, crash_us + 300000);
        free_drive(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_is_j1850),
        cmocka_unit_test(test_frames_are_ordered_and_whole),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_speed_integrates_acceleration),
        cmocka_unit_test(test_there_is_one_crash),
        cmocka_unit_test(test_airbag_tells_the_crash),
        cmocka_unit_test(test_bends),
        cmocka_unit_test(test_engine_and_brake_agree_with_the_motion),
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_every_length_ends_in_a_crash),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
