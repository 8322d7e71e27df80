/* Patterns compiled into a tree of segments, and the way of a path through it.
 *
 * At each level the literal segment is tried before the parameter, and the parameter before the
 * rest of the path; a level that leads nowhere is left again. Each node is entered at most once a
 * path, for its depth is its position. That the first find is the narrowest pattern is what the
 * check for ambiguity makes sure. */
#include <stdio.h>
#include <stdlib.h>

#include "core/codec/utf8.h"
#include "core/net/route_impl.h"

typedef enum segment_kind {
    SEGMENT_END,
    SEGMENT_LITERAL,
    SEGMENT_PARAM,
    SEGMENT_REST,
} segment_kind;

typedef struct segment {
    segment_kind kind;
    cairn_bytes text; /* of a literal, or the parameter's name */
} segment;

typedef struct pattern {
    size_t count;
    segment segments[CAIRN_ROUTE_SEGMENTS_MAX + 1]; /* the last one is END */
} pattern;

/* Rows of one pattern, by method. */
typedef struct leaf {
    const cairn_route *rows[CAIRN_HTTP_METHOD_COUNT];
    bool is_used;
} leaf;

struct cairn_route_node {
    cairn_bytes text;           /* the literal that leads here */
    cairn_route_node *literals; /* children, a list */
    cairn_route_node *next;     /* the next child of the same parent */
    cairn_route_node *param;
    leaf end, rest;
};

/* --- patterns --- */

static cairn_err fail_pattern(const cairn_route *row, const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "route %s %s: %s",
                      cairn_http_method_name(row->method), row->pattern, what);
}

static bool is_literal(cairn_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= 0x20 || text.data[i] > 0x7e || strchr("{}%?#\\", text.data[i]) != NULL)
            return false;
    return text.size > 0 && !cairn_bytes_equal(text, cairn_bytes_str(".")) &&
           !cairn_bytes_equal(text, cairn_bytes_str(".."));
}

static bool parse_segment(cairn_bytes text, segment *ret_segment)
{
    static const char dots[] = "...";
    segment out = {.kind = SEGMENT_LITERAL, .text = text};
    if (text.size > 2 && text.data[0] == '{' && text.data[text.size - 1] == '}') {
        out.kind = SEGMENT_PARAM;
        out.text = cairn_bytes_of(text.data + 1, text.size - 2);
        if (out.text.size > 3 && memcmp(out.text.data + out.text.size - 3, dots, 3) == 0) {
            out.kind = SEGMENT_REST;
            out.text.size -= 3;
        }
    }
    *ret_segment = out;
    return is_literal(out.text);
}

static cairn_err parse_pattern(const cairn_route *row, pattern *ret_pattern)
{
    size_t params = 0;
    *ret_pattern = (pattern){.count = 0};
    if (row->pattern == NULL || row->pattern[0] != '/')
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "route: a pattern begins with '/'");
    for (const char *at = row->pattern; *at == '/';) {
        size_t size = strcspn(++at, "/");
        segment *s = &ret_pattern->segments[ret_pattern->count];
        if (ret_pattern->count == CAIRN_ROUTE_SEGMENTS_MAX)
            return fail_pattern(row, "too many segments");
        if (size == 0 && *at == '\0' && ret_pattern->count == 0)
            return CAIRN_OK; /* "/" */
        if (!parse_segment(cairn_bytes_of(at, size), s))
            return fail_pattern(row, "a segment is not valid");
        if (s->kind == SEGMENT_REST && at[size] != '\0')
            return fail_pattern(row, "the rest of the path comes last");
        params += s->kind != SEGMENT_LITERAL;
        ret_pattern->count++;
        at += size;
    }
    return params > CAIRN_ROUTE_PARAMS_MAX ? fail_pattern(row, "too many parameters") : CAIRN_OK;
}

/* --- ambiguity --- */

typedef enum relation {
    RELATION_DISJOINT,
    RELATION_SAME,
    RELATION_NARROWER, /* one of them, everywhere where they differ */
    RELATION_AMBIGUOUS,
} relation;

/* LITERAL < PARAM < REST: the smaller one is the narrower. */
static relation relate(const pattern *a, const pattern *b)
{
    bool a_narrower = false;
    bool b_narrower = false;
    for (size_t i = 0;; i++) {
        const segment *s = &a->segments[i];
        const segment *t = &b->segments[i];
        if ((s->kind == SEGMENT_END) != (t->kind == SEGMENT_END))
            return RELATION_DISJOINT;
        if (s->kind == SEGMENT_LITERAL && t->kind == SEGMENT_LITERAL &&
            !cairn_bytes_equal(s->text, t->text))
            return RELATION_DISJOINT;
        a_narrower |= s->kind < t->kind;
        b_narrower |= t->kind < s->kind;
        if (s->kind == SEGMENT_END || s->kind == SEGMENT_REST || t->kind == SEGMENT_REST)
            break;
    }
    if (a_narrower && b_narrower)
        return RELATION_AMBIGUOUS;
    return a_narrower || b_narrower ? RELATION_NARROWER : RELATION_SAME;
}

static cairn_err fail_pair(const cairn_route *a, const cairn_route *b, const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "routes %s %s and %s %s: %s",
                      cairn_http_method_name(a->method), a->pattern,
                      cairn_http_method_name(b->method), b->pattern, what);
}

static cairn_err check_pairs(const cairn_route *const *rows, const pattern *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            relation r = relate(&patterns[i], &patterns[j]);
            if (r == RELATION_AMBIGUOUS)
                return fail_pair(rows[j], rows[i], "ambiguous");
            if (r == RELATION_SAME && rows[i]->method == rows[j]->method)
                return fail_pair(rows[j], rows[i], "duplicate");
        }
    return CAIRN_OK;
}

/* --- the tree --- */

void cairn_route_tree_free(cairn_route_node *node)
{
    if (node == NULL)
        return;
    for (cairn_route_node *child = node->literals; child != NULL;) {
        cairn_route_node *next = child->next;
        cairn_route_tree_free(child);
        child = next;
    }
    cairn_route_tree_free(node->param);
    free(node);
}

static cairn_route_node *find_literal(const cairn_route_node *node, cairn_bytes text)
{
    for (cairn_route_node *child = node->literals; child != NULL; child = child->next)
        if (cairn_bytes_equal(child->text, text))
            return child;
    return NULL;
}

static cairn_err step(cairn_route_node *node, const segment *s, cairn_route_node **ret_child)
{
    cairn_route_node *child =
        s->kind == SEGMENT_LITERAL ? find_literal(node, s->text) : node->param;
    if (child == NULL) {
        child = calloc(1, sizeof *child);
        if (child == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "router: a node");
        if (s->kind == SEGMENT_LITERAL) {
            child->text = s->text;
            child->next = node->literals;
            node->literals = child;
        } else {
            node->param = child;
        }
    }
    *ret_child = child;
    return CAIRN_OK;
}

static cairn_err add_row(cairn_route_node *root, const cairn_route *row, const pattern *p)
{
    cairn_route_node *node = root;
    size_t i = 0;
    for (; p->segments[i].kind == SEGMENT_LITERAL || p->segments[i].kind == SEGMENT_PARAM; i++)
        CAIRN_TRY(step(node, &p->segments[i], &node));
    leaf *l = p->segments[i].kind == SEGMENT_REST ? &node->rest : &node->end;
    l->rows[row->method] = row;
    l->is_used = true;
    return CAIRN_OK;
}

static void tree_free_p(cairn_route_node **root)
{
    cairn_route_tree_free(*root);
}

static cairn_err build(const cairn_route *const *rows, const pattern *patterns, size_t count,
                       cairn_route_node **ret_root)
{
    CAIRN_CLEANUP(tree_free_p) cairn_route_node *root = calloc(1, sizeof *root);
    if (root == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "router: a node");
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(add_row(root, rows[i], &patterns[i]));
    *ret_root = CAIRN_STEAL(root);
    return CAIRN_OK;
}

static cairn_err check_row(const cairn_route *row)
{
    if ((unsigned)row->method >= CAIRN_HTTP_METHOD_COUNT || row->method == CAIRN_HTTP_HEAD)
        return fail_pattern(row, "HEAD is answered by the row of GET");
    if (row->handle == NULL || row->operation == NULL)
        return fail_pattern(row, "no handler or no operation");
    return CAIRN_OK;
}

cairn_err cairn_route_tree_new(const cairn_route *const *rows, size_t count,
                               cairn_route_node **ret_root)
{
    pattern *patterns = calloc(count + 1, sizeof *patterns);
    if (patterns == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "router: %zu patterns", count);
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; i < count && err == CAIRN_OK; i++) {
        err = parse_pattern(rows[i], &patterns[i]);
        if (err == CAIRN_OK)
            err = check_row(rows[i]);
    }
    if (err == CAIRN_OK)
        err = check_pairs(rows, patterns, count);
    if (err == CAIRN_OK)
        err = build(rows, patterns, count, ret_root);
    free(patterns);
    return err;
}

/* --- the way of a path --- */

typedef struct walk {
    cairn_bytes segments[CAIRN_ROUTE_SEGMENTS_MAX]; /* as sent */
    size_t count;
    cairn_bytes rests[CAIRN_ROUTE_SEGMENTS_MAX]; /* the path from each segment on */
    bool is_longer;                              /* than any pattern without a rest */
    cairn_bytes params[CAIRN_ROUTE_PARAMS_MAX];  /* raw; set from the leaf upwards */
    size_t param_count;
    bool has_rest; /* the last parameter */
} walk;

/* Cuts the path at its slashes. */
static void split(cairn_bytes path, walk *w)
{
    size_t start = 1;
    for (size_t i = 1; i <= path.size; i++) {
        if (i < path.size && path.data[i] != '/')
            continue;
        if (w->count == CAIRN_ROUTE_SEGMENTS_MAX) {
            w->is_longer = true;
            return;
        }
        w->rests[w->count] = cairn_bytes_of(path.data + start, path.size - start);
        w->segments[w->count++] = cairn_bytes_of(path.data + start, i - start);
        start = i + 1;
    }
}

static const leaf *descend(const cairn_route_node *node, walk *w, size_t at, size_t param)
{
    if (at == w->count && !w->is_longer)
        return node->end.is_used ? &node->end : NULL;
    if (at < w->count) {
        const cairn_route_node *child = find_literal(node, w->segments[at]);
        const leaf *found = child == NULL ? NULL : descend(child, w, at + 1, param);
        if (found != NULL)
            return found;
        if (node->param != NULL && w->segments[at].size > 0 && param < CAIRN_ROUTE_PARAMS_MAX) {
            found = descend(node->param, w, at + 1, param + 1);
            if (found != NULL) {
                w->params[param] = w->segments[at];
                w->param_count = param + 1 > w->param_count ? param + 1 : w->param_count;
                return found;
            }
        }
        if (node->rest.is_used && w->rests[at].size > 0 && param < CAIRN_ROUTE_PARAMS_MAX) {
            w->params[param] = w->rests[at];
            w->param_count = param + 1;
            w->has_rest = true;
            return &node->rest;
        }
    }
    return NULL;
}

/* --- decoding --- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one segment; false for a bad escape, a control character, a dot segment, or text that is
 * not UTF-8. A slash may be there only where the segment is all of the parameter. */
static bool decode_segment(cairn_bytes in, bool slash_allowed, uint8_t *out, size_t *ret_size)
{
    size_t size = 0;
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.data[i];
        if (c == '%') {
            int high = i + 2 < in.size ? hex_digit(in.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(in.data[i + 2]);
            if (low < 0)
                return false;
            c = (uint8_t)(high * 16 + low);
            i += 2;
            if (c == '/' && !slash_allowed)
                return false;
        }
        if (c < 0x20 || c == 0x7f)
            return false;
        out[size++] = c;
    }
    cairn_bytes text = cairn_bytes_of(out, size);
    *ret_size = size;
    return size > 0 && !cairn_bytes_equal(text, cairn_bytes_str(".")) &&
           !cairn_bytes_equal(text, cairn_bytes_str("..")) && cairn_utf8_valid(text);
}

/* Segment by segment, so that an escape cannot make a slash. */
static bool decode_rest(cairn_bytes in, uint8_t *out, size_t *ret_size)
{
    size_t size = 0;
    size_t start = 0;
    for (size_t i = 0; i <= in.size; i++) {
        size_t piece = 0;
        if (i < in.size && in.data[i] != '/')
            continue;
        if (!decode_segment(cairn_bytes_of(in.data + start, i - start), false, out + size, &piece))
            return false;
        size += piece;
        if (i < in.size)
            out[size++] = '/';
        start = i + 1;
    }
    *ret_size = size;
    return true;
}

static cairn_err decode_params(cairn_arena *arena, const walk *w, cairn_route_match *match)
{
    for (size_t i = 0; i < w->param_count; i++) {
        void *memory = NULL;
        size_t size = 0;
        bool is_rest = w->has_rest && i + 1 == w->param_count;
        CAIRN_TRY(cairn_arena_alloc(arena, w->params[i].size, &memory));
        bool good = is_rest ? decode_rest(w->params[i], memory, &size)
                            : decode_segment(w->params[i], true, memory, &size);
        match->path_bad |= !good;
        match->params[i] = cairn_bytes_of(memory, good ? size : 0);
    }
    match->param_count = w->param_count;
    return CAIRN_OK;
}

static uint32_t methods_of(const leaf *l)
{
    uint32_t methods = 0;
    for (unsigned i = 0; i < CAIRN_HTTP_METHOD_COUNT; i++)
        if (l->rows[i] != NULL)
            methods |= UINT32_C(1) << i;
    if (l->rows[CAIRN_HTTP_GET] != NULL)
        methods |= UINT32_C(1) << CAIRN_HTTP_HEAD;
    return methods;
}

cairn_err cairn_route_tree_match(const cairn_route_node *root, cairn_arena *arena,
                                 cairn_http_method method, cairn_bytes path,
                                 cairn_route_match *ret_match)
{
    walk w = {.count = 0};
    cairn_route_match match = {.route = NULL};
    const leaf *found = NULL;
    if (path.size > 0 && path.data[0] == '/' && path.size <= CAIRN_ROUTE_PATH_SIZE_MAX) {
        if (path.size > 1)
            split(path, &w);
        found = descend(root, &w, 0, 0);
    }
    if (found != NULL) {
        match.path_known = true;
        match.methods = methods_of(found);
        match.route = found->rows[method == CAIRN_HTTP_HEAD ? CAIRN_HTTP_GET : method];
        if (match.route != NULL)
            CAIRN_TRY(decode_params(arena, &w, &match));
    }
    *ret_match = match;
    return CAIRN_OK;
}
