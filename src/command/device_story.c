/* Replays the log's transactions of a device. */
#include "command/device_story.h"

#include <stdio.h>
#include <stdlib.h>

#include "command/device_listing.h"
#include "command/times.h"

static const char clause[] = "docs/formats/onboard.md";

/* --- one life --- */

static cairn_err read_scene(cairn_home *home, const cairn_hash *index,
                            const cairn_devices_step *step, cairn_device *device,
                            cairn_device_scene *scene, cairn_bytes *ret_transaction)
{
    cairn_arena *arena = &home->command->arena;
    cairn_device_step told = {.log_index = step->log_index,
                              .height = step->height,
                              .time_ms = step->time_ms,
                              .org = step->org,
                              .barred = step->barred};
    CAIRN_TRY(cairn_engine_entry(home->engine, step->log_index, arena, &told.transaction));
    CAIRN_TRY(cairn_device_replay(arena, index, &told, device));
    *scene = (cairn_device_scene){.version = device->version,
                                  .act = "bar",
                                  .state = cairn_device_state_name(device->state),
                                  .log_index = step->log_index,
                                  .height = step->height,
                                  .time_ms = step->time_ms,
                                  .has_org = !step->barred,
                                  .org = step->org,
                                  .transaction = device->transaction};
    *ret_transaction = told.transaction;
    if (step->barred)
        return CAIRN_OK;
    return cairn_device_act_name(arena, told.transaction, &scene->act);
}

/* Names the seller of a transfer, as far as the passport does. */
static cairn_err open_seller(cairn_home *home, const cairn_passport *passport, size_t life,
                             cairn_bytes transaction, cairn_device_scene *scene)
{
    cairn_hash party;
    cairn_err err = cairn_device_party_of(&home->command->arena, transaction,
                                          &passport->lives[life].index, &party);
    if (err == CAIRN_ERR_NOT_FOUND) /* not a transfer */
        return CAIRN_OK;
    CAIRN_TRY(err);
    err = cairn_passport_open_party(passport, life, scene->version, &party, &scene->seller);
    scene->has_seller = err == CAIRN_OK;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* [X1353-R03] The record that the history leads to is the one on the ledger. */
static cairn_err check_end(cairn_home *home, const cairn_hash *index, const cairn_device *told)
{
    cairn_arena *arena = &home->command->arena;
    cairn_device there;
    cairn_bytes want, got;
    CAIRN_TRY(cairn_device_record(home, index, &there));
    CAIRN_TRY(cairn_device_encode(arena, &there, &want));
    CAIRN_TRY(cairn_device_encode(arena, told, &got));
    if (!cairn_bytes_equal(want, got))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "the history does not lead to the record on the ledger");
    return CAIRN_OK;
}

typedef struct telling {
    cairn_home *home;
    const cairn_passport *passport;
    cairn_device_scene *scenes;
    size_t count;
    size_t room;
} telling;

static cairn_err make_room(telling *t, size_t more)
{
    void *memory = NULL;
    if (t->count + more <= t->room)
        return CAIRN_OK;
    t->room = 2 * (t->count + more);
    CAIRN_TRY(cairn_arena_array(&t->home->command->arena, t->room, sizeof *t->scenes, &memory));
    if (t->count > 0)
        memcpy(memory, t->scenes, t->count * sizeof *t->scenes);
    t->scenes = memory;
    return CAIRN_OK;
}

static cairn_err tell_life(telling *t, size_t life, cairn_device *ret_device)
{
    const cairn_hash *index = &t->passport->lives[life].index;
    const cairn_devices_step *steps = NULL;
    size_t count = 0;
    cairn_device device = {.version = 0};
    CAIRN_TRY(cairn_device_listing_steps(t->home, index, &steps, &count));
    CAIRN_TRY(make_room(t, count));
    for (size_t i = 0; i < count; i++) {
        cairn_device_scene *scene = &t->scenes[t->count++];
        cairn_bytes transaction;
        CAIRN_TRY(read_scene(t->home, index, &steps[i], &device, scene, &transaction));
        scene->life = life;
        CAIRN_TRY(open_seller(t->home, t->passport, life, transaction, scene));
    }
    CAIRN_TRY(check_end(t->home, index, &device));
    *ret_device = device;
    return CAIRN_OK;
}

cairn_err cairn_device_story_read(cairn_home *home, const cairn_passport *passport,
                                  cairn_device_story *ret_story)
{
    telling t = {.home = home, .passport = passport};
    cairn_device device = {.version = 0};
    for (size_t life = 0; life < passport->life_count; life++) {
        CAIRN_TRY(tell_life(&t, life, &device));
        if (life + 1 < passport->life_count)
            CAIRN_TRY(cairn_passport_check_link(passport, life, &device));
    }
    *ret_story = (cairn_device_story){.count = t.count,
                                      .scenes = t.scenes,
                                      .device = device,
                                      .index = cairn_passport_current(passport)->index};
    return CAIRN_OK;
}

/* --- as a picture --- */

enum { ROW_HEIGHT = 44, TOP = 48, LEFT = 40, WIDTH = 900 };

static const char *colour(const char *state)
{
    static const struct {
        const char *state, *colour;
    } colours[] = {{"onboarded", "#1a7f37"}, {"claimed", "#0969da"},   {"rendezvous", "#0969da"},
                   {"revoked", "#cf222e"},   {"suspended", "#bf8700"}, {"retired", "#57606a"},
                   {"replaced", "#8250df"}};
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
        if (strcmp(state, colours[i].state) == 0)
            return colours[i].colour;
    return "#24292f";
}

/* All words are ours or hexadecimal: nothing has to be escaped. */
static void draw_scene(FILE *out, const cairn_device_scene *scene, size_t row)
{
    const unsigned y = TOP + (unsigned)row * ROW_HEIGHT;
    char when[CAIRN_CLOCK_TEXT_SIZE], org[17] = "members", seller[17] = "";
    cairn_clock_format(scene->time_ms, when);
    if (scene->has_org)
        cairn_hex_encode(cairn_bytes_of(scene->org.b, 8), org);
    if (scene->has_seller)
        cairn_hex_encode(cairn_bytes_of(scene->seller.b, 8), seller);
    fprintf(out, "<circle cx=\"%d\" cy=\"%u\" r=\"7\" fill=\"%s\"/>\n", LEFT, y,
            colour(scene->state));
    fprintf(out, "<text x=\"%d\" y=\"%u\"><tspan font-weight=\"bold\">%s</tspan> to %s</text>\n",
            LEFT + 24, y - 3, scene->act, scene->state);
    fprintf(out,
            "<text x=\"%d\" y=\"%u\" class=\"fine\">%s, block %llu, entry %llu, by %s%s%s</text>\n",
            LEFT + 24, y + 14, when, (unsigned long long)scene->height,
            (unsigned long long)scene->log_index, org, scene->has_seller ? ", sold by " : "",
            seller);
}

static void draw(FILE *out, const cairn_device_story *story)
{
    const unsigned height = TOP + (unsigned)story->count * ROW_HEIGHT + 8;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" role=\"img\">\n"
            "<title>Life of a device</title>\n<style>text{font:14px sans-serif;fill:#24292f}"
            ".fine{font-size:11px;fill:#57606a}</style>\n",
            WIDTH, height);
    for (size_t i = 0; i < story->count; i++) {
        const unsigned y = TOP + (unsigned)i * ROW_HEIGHT;
        bool on = i + 1 < story->count;
        if (on)
            fprintf(out,
                    "<line x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\" stroke=\"#8c959f\" "
                    "stroke-width=\"2\"%s/>\n",
                    LEFT, y, LEFT, y + ROW_HEIGHT,
                    story->scenes[i].life == story->scenes[i + 1].life
                        ? ""
                        : " stroke-dasharray=\"4 4\"");
        draw_scene(out, &story->scenes[i], i);
    }
    fputs("</svg>\n", out);
}

cairn_err cairn_device_story_svg(cairn_home *home, const cairn_device_story *story,
                                 cairn_bytes *ret_svg)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "audit: no memory for the picture");
    draw(out, story);
    bool good = ferror(out) == 0;
    good = fclose(out) == 0 && good;
    cairn_err err =
        good ? cairn_arena_copy(&home->command->arena, cairn_bytes_of(text, size), ret_svg)
             : CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "audit: no memory for the picture");
    free(text);
    return err;
}
