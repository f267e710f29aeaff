/*
 * The walk over a sampling frame (JIDRAW/1 sections 8 to 10) in C: a ticket for every row, kept where it is below the bound
 * of the row's kind; then the smallest of some kinds in their order. The same as the plain walk of
 * `services.drawer.domain.selection`, byte for byte; never required.
 *
 * A row is `id TAB tail LF`. SHA-256 by the processor's own instructions where it has them, else portable. A walk is used by
 * one thread at a time; the smallest of several walks can be taken together.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { PREFIX = 33, LONGEST_ID = 64, BLOCK = 64, ONE_BLOCK_ID = BLOCK - 9 - PREFIX };
enum { DONE = 0, UNKNOWN_TAIL = 1, NO_ROW = 2, NO_MEMORY = 3 };

typedef struct {
    uint8_t *tail;
    uint32_t length, kind;
    uint64_t below; /* the first eight bytes of a kept ticket are less, big-endian */
    uint8_t keep, every;
} taker;

typedef struct {
    uint64_t ticket[4]; /* as four numbers: compared as its bytes are */
    uint32_t kind, length;
    size_t id; /* where it stands in ids */
} entry;

typedef struct {
    uint8_t prefix[PREFIX]; /* K_t and a bar */
    int fast;
    taker *takers;
    size_t count, room;
    uint32_t *slots; /* open addressing: 0 is empty, else index + 1 */
    size_t mask;
    entry *kept;
    size_t kept_count, kept_room;
    uint8_t *ids;
    size_t ids_length, ids_room;
    size_t *begins; /* once it is over: where the entries of each kind begin, and those of the last end */
} walk;

/* ── SHA-256 (FIPS 180-4) ───────────────────────────────────────────────────────────────────────────────────────── */

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static uint32_t rotated(uint32_t x, int by) { return x >> by | x << (32 - by); }

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put(uint8_t *at, uint32_t x)
{
    at[0] = (uint8_t)(x >> 24), at[1] = (uint8_t)(x >> 16), at[2] = (uint8_t)(x >> 8), at[3] = (uint8_t)x;
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = word(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) + w[i - 7] +
               (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t e = s[4], a = s[0];
        uint32_t one = s[7] + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + K[i] + w[i];
        uint32_t two = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

#if defined(__x86_64__)
#define SHA __attribute__((target("sha,sse4.1,ssse3")))

typedef struct {
    __m128i abef, cdgh, m[4];
} lane;

SHA static inline void lane_load(lane *l, const uint8_t *block)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    for (int i = 0; i < 4; i++)
        l->m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), swap);
}

/* Four rounds by the words m[i % 4]; they then make place for the next four words, where there are any. */
SHA static inline void lane_rounds(lane *l, int i)
{
    __m128i mk = _mm_add_epi32(l->m[i & 3], _mm_loadu_si128((const __m128i *)(K + 4 * i)));
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, mk);
    if (i < 12) {
        __m128i next = _mm_sha256msg1_epu32(l->m[i & 3], l->m[(i + 1) & 3]);
        next = _mm_add_epi32(next, _mm_alignr_epi8(l->m[(i + 3) & 3], l->m[(i + 2) & 3], 4));
        l->m[i & 3] = _mm_sha256msg2_epu32(next, l->m[(i + 3) & 3]);
    }
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(mk, 0x0e));
}

/* Adds a block to each of two states, both at a time: one alone would wait for each of its own rounds. */
SHA static void compress_two(uint32_t *state[2], const uint8_t *const block[2])
{
    lane l[2];
    __m128i abef[2], cdgh[2];
    for (int i = 0; i < 2; i++) {
        __m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state[i]), 0xb1);
        __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state[i] + 4)), 0x1b);
        l[i].abef = abef[i] = _mm_alignr_epi8(dcba, hgfe, 8);
        l[i].cdgh = cdgh[i] = _mm_blend_epi16(hgfe, dcba, 0xf0);
        lane_load(&l[i], block[i]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        lane_rounds(&l[0], i);
        lane_rounds(&l[1], i);
    }
    for (int i = 0; i < 2; i++) {
        __m128i feba = _mm_shuffle_epi32(_mm_add_epi32(l[i].abef, abef[i]), 0x1b);
        __m128i dchg = _mm_shuffle_epi32(_mm_add_epi32(l[i].cdgh, cdgh[i]), 0xb1);
        _mm_storeu_si128((__m128i *)state[i], _mm_blend_epi16(feba, dchg, 0xf0));
        _mm_storeu_si128((__m128i *)(state[i] + 4), _mm_alignr_epi8(dchg, feba, 8));
    }
}

static int has_sha(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 19) || !(c & 1u << 9)) /* SSE4.1, SSSE3 */
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29;
}
#else
static int has_sha(void) { return 0; }
static void compress_two(uint32_t *state[2], const uint8_t *const block[2])
{
    for (int i = 0; i < 2; i++)
        compress(state[i], block[i]);
}
#endif

/* ── a walk ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static size_t place(const uint8_t *tail, size_t length)
{
    uint64_t h = 0xcbf29ce484222325ull ^ length;
    for (; length >= 8; length -= 8, tail += 8) {
        uint64_t part;
        memcpy(&part, tail, 8);
        h = (h ^ part) * 0x9e3779b97f4a7c15ull, h ^= h >> 29;
    }
    for (; length; length--, tail++)
        h = (h ^ *tail) * 0x100000001b3ull;
    return (size_t)(h ^ h >> 32);
}

static const taker *find(const walk *w, const uint8_t *tail, size_t length)
{
    for (size_t at = place(tail, length) & w->mask; w->slots[at]; at = (at + 1) & w->mask) {
        const taker *found = w->takers + w->slots[at] - 1;
        if (found->length == length && !memcmp(found->tail, tail, length))
            return found;
    }
    return NULL;
}

void walk_free(walk *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++)
        free(w->takers[i].tail);
    free(w->takers);
    free(w->slots);
    free(w->kept);
    free(w->ids);
    free(w->begins);
    free(w);
}

/* Begins a walk. prefix: 33 bytes. portable: leave the processor's own instructions aside. NULL: no memory. */
walk *walk_new(const uint8_t *prefix, int portable)
{
    walk *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    memcpy(w->prefix, prefix, PREFIX);
    w->fast = has_sha() && !portable;
    w->mask = 63;
    w->slots = calloc(w->mask + 1, sizeof *w->slots);
    if (!w->slots) {
        walk_free(w);
        return NULL;
    }
    return w;
}

static int widen(walk *w)
{
    size_t mask = 2 * w->mask + 1;
    uint32_t *slots = calloc(mask + 1, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < w->count; i++) {
        size_t at = place(w->takers[i].tail, w->takers[i].length) & mask;
        while (slots[at])
            at = (at + 1) & mask;
        slots[at] = (uint32_t)i + 1;
    }
    free(w->slots);
    w->slots = slots, w->mask = mask;
    return 0;
}

/* Says what becomes of rows with this tail (a new one): kept as `kind` below the bound, all of them, or none. -1: no memory. */
int walk_take(walk *w, const uint8_t *tail, size_t length, uint32_t kind, int keep, int every, uint64_t below)
{
    if (2 * (w->count + 1) > w->mask && widen(w))
        return -1;
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 32;
        taker *takers = realloc(w->takers, room * sizeof *takers);
        if (!takers)
            return -1;
        w->takers = takers, w->room = room;
    }
    uint8_t *copy = malloc(length ? length : 1);
    if (!copy)
        return -1;
    memcpy(copy, tail, length);
    w->takers[w->count++] = (taker){copy, (uint32_t)length, kind, below, (uint8_t)keep, (uint8_t)every};
    size_t at = place(tail, length) & w->mask;
    while (w->slots[at])
        at = (at + 1) & w->mask;
    w->slots[at] = (uint32_t)w->count;
    return 0;
}

/* Makes room for one more entry and its id. 0: no memory. */
static int has_room(walk *w)
{
    if (w->kept_count == w->kept_room) {
        size_t room = w->kept_room ? 2 * w->kept_room : 256;
        entry *kept = realloc(w->kept, room * sizeof *kept);
        if (!kept)
            return 0;
        w->kept = kept, w->kept_room = room;
    }
    if (w->ids_length + LONGEST_ID > w->ids_room) {
        size_t room = w->ids_room ? 2 * w->ids_room : 256 * LONGEST_ID;
        uint8_t *ids = realloc(w->ids, room);
        if (!ids)
            return 0;
        w->ids = ids, w->ids_room = room;
    }
    return 1;
}

typedef struct {
    const uint8_t *id;
    uint32_t length;
    const taker *by;
} pending;

/* Works out two tickets (the second may be the first again), and keeps the first `count` of them that are below their bounds. */
static int settle(walk *w, const pending *rows, int count)
{
    uint8_t message[2][2 * BLOCK] = {{0}};
    uint32_t states[2][8], *state[2] = {states[0], states[1]};
    size_t blocks = 1;
    for (int i = 0; i < 2; i++) {
        size_t size = PREFIX + rows[i].length;
        blocks = rows[i].length > ONE_BLOCK_ID ? 2 : 1; /* of both: see walk_rows */
        memcpy(message[i], w->prefix, PREFIX);
        memcpy(message[i] + PREFIX, rows[i].id, rows[i].length);
        message[i][size] = 0x80;
        put(message[i] + BLOCK * blocks - 4, (uint32_t)(8 * size));
        memcpy(states[i], START, sizeof START);
    }
    for (size_t at = 0; at < BLOCK * blocks; at += BLOCK) {
        if (w->fast) {
            compress_two(state, (const uint8_t *const[2]){message[0] + at, message[1] + at});
            continue;
        }
        for (int i = 0; i < count; i++)
            compress(states[i], message[i] + at);
    }
    for (int i = 0; i < count; i++) {
        const taker *by = rows[i].by;
        if (!by->every && ((uint64_t)states[i][0] << 32 | states[i][1]) >= by->below)
            continue;
        if (!has_room(w))
            return 0;
        entry *e = w->kept + w->kept_count++;
        for (int j = 0; j < 4; j++)
            e->ticket[j] = (uint64_t)states[i][2 * j] << 32 | states[i][2 * j + 1];
        e->kind = by->kind, e->length = rows[i].length, e->id = w->ids_length;
        memcpy(w->ids + e->id, rows[i].id, rows[i].length);
        w->ids_length += rows[i].length;
    }
    return 1;
}

/*
 * Walks the whole rows of a block and keeps what is to be kept.
 *
 * used: bytes of rows that are done with. DONE: what is left has no LF. UNKNOWN_TAIL: tell of the tail of the row at used,
 * and go on there. NO_ROW: the row at used has no tab, or an id of more than 64 bytes. NO_MEMORY: the walk is over.
 */
int walk_rows(walk *w, const uint8_t *rows, size_t length, size_t *used)
{
    const uint8_t *row = rows, *end = rows + length;
    pending waits[2][2]; /* one row of one block, and one of two: rows are worked out by twos of the same length */
    int waiting[2] = {0, 0}, verdict = DONE;
    while (row < end) {
        const uint8_t *tab = memchr(row, '\t', (size_t)(end - row));
        const uint8_t *feed = memchr(tab ? tab : row, '\n', (size_t)(end - (tab ? tab : row)));
        if (!feed)
            break;
        if (!tab || tab - row > LONGEST_ID || memchr(row, '\n', (size_t)(tab - row))) {
            verdict = NO_ROW;
            break;
        }
        const taker *found = find(w, tab + 1, (size_t)(feed - tab));
        if (!found) {
            verdict = UNKNOWN_TAIL;
            break;
        }
        if (found->keep) {
            int which = tab - row > ONE_BLOCK_ID;
            waits[which][waiting[which]++] = (pending){row, (uint32_t)(tab - row), found};
            if (waiting[which] == 2) {
                waiting[which] = 0;
                if (!settle(w, waits[which], 2))
                    return NO_MEMORY;
            }
        }
        row = feed + 1;
    }
    for (int which = 0; which < 2; which++) {
        waits[which][1] = waits[which][0];
        if (waiting[which] && !settle(w, waits[which], 1))
            return NO_MEMORY;
    }
    *used = (size_t)(row - rows);
    return verdict;
}

/* ── the smallest ───────────────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
    const entry *entry;
    const uint8_t *id;
} candidate;

static int in_order(const void *one, const void *other)
{
    const candidate *a = one, *b = other;
    for (int i = 0; i < 4; i++)
        if (a->entry->ticket[i] != b->entry->ticket[i])
            return a->entry->ticket[i] < b->entry->ticket[i] ? -1 : 1;
    uint32_t shorter = a->entry->length < b->entry->length ? a->entry->length : b->entry->length;
    int order = memcmp(a->id, b->id, shorter);
    return order ? order : (a->entry->length > b->entry->length) - (a->entry->length < b->entry->length);
}

/* Ends a walk: lays its entries in the order of their kinds, of which there are so many. -1: no memory. */
int walk_end(walk *w, size_t kinds)
{
    size_t *begins = calloc(kinds + 1, sizeof *begins);
    entry *laid = malloc((w->kept_count ? w->kept_count : 1) * sizeof *laid);
    if (!begins || !laid) {
        free(begins);
        free(laid);
        return -1;
    }
    for (size_t i = 0; i < w->kept_count; i++)
        begins[w->kept[i].kind + 1]++;
    for (size_t k = 0; k < kinds; k++)
        begins[k + 1] += begins[k];
    for (size_t i = 0; i < w->kept_count; i++)
        laid[begins[w->kept[i].kind]++] = w->kept[i];
    memmove(begins + 1, begins, kinds * sizeof *begins); /* each has moved to its end, where the next begins */
    begins[0] = 0;
    free(w->kept);
    w->kept = laid, w->kept_room = w->kept_count, w->begins = begins;
    return 0;
}

/* Counts what ended walks have kept of some kinds. */
size_t walks_kept(walk *const *walks, size_t count, const uint32_t *of, size_t kinds)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < kinds; k++)
            all += walks[i]->begins[of[k] + 1] - walks[i]->begins[of[k]];
    return all;
}

/*
 * Takes the `wanted` smallest tickets of some kinds out of ended walks, and says how many there are.
 *
 * ids: their ids in order, each with LF, 65 bytes of room for each; of_each: the kind of each. -1: no memory.
 */
ptrdiff_t walks_smallest(walk *const *walks, size_t count, const uint32_t *of, size_t kinds, size_t wanted, uint8_t *ids,
                         size_t *ids_length, uint32_t *of_each)
{
    size_t all = walks_kept(walks, count, of, kinds), at = 0;
    candidate *found = malloc((all ? all : 1) * sizeof *found);
    if (!found)
        return -1;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < kinds; k++)
            for (size_t j = walks[i]->begins[of[k]]; j < walks[i]->begins[of[k] + 1]; j++)
                found[at++] = (candidate){walks[i]->kept + j, walks[i]->ids + walks[i]->kept[j].id};
    qsort(found, all, sizeof *found, in_order);
    uint8_t *end = ids;
    for (at = 0; at < all && at < wanted; at++) {
        memcpy(end, found[at].id, found[at].entry->length);
        end += found[at].entry->length;
        *end++ = '\n';
        of_each[at] = found[at].entry->kind;
    }
    free(found);
    *ids_length = (size_t)(end - ids);
    return (ptrdiff_t)at;
}

/* Says which SHA-256 a walk runs: 1 the processor's own, 0 the portable one. */
int walk_is_fast(const walk *w) { return w->fast; }
