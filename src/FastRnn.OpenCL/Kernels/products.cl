// What all products share.
//
// Columns of an operand may come in groups: of every STEP neighbours the first COUNT count, so that a product reads or writes some gates of a
// row of gates. Both are constants of the program: with 1 and 1 nothing of it remains.
#ifndef A_COUNT
#define A_COUNT 1
#define A_STEP 1
#endif
#ifndef C_COUNT
#define C_COUNT 1
#define C_STEP 1
#endif
#define GROUPED(n, count, step) ((n) / (count) * (step) + (n) % (count))
#define A_COLUMN(n) GROUPED(n, A_COUNT, A_STEP)
#define C_COLUMN(n) GROUPED(n, C_COUNT, C_STEP)

// Where chains start.
#define START_ZERO 0
#define START_ROWS 1
#define START_PRESENT 2

#define EACH(i, count) _Pragma("unroll") for (int i = 0; i < (count); i++)

// Row of a weight, or element of a bias, that belongs to column n of a product: n itself, or of gate u·G + g row gates[g]·hidden + u. The order has
// four bits for each of the gates.
static long weight_row(int n, int gates, int order, int hidden) {
    return gates == 0 ? n : (long)((order >> (n % gates * 4)) & 15) * hidden + n / gates;
}
