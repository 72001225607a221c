#include "common.cl"
#include "products.cl"
// Weights as products want their B: panels [panel][k][PANEL], zero padded. The weight is [rows, columns], row-major.

// The weight's row is k (with columns n), or, transposed, n.

// For the vector family: work-items [n / 16, k / 16] take a square each. 5 times as fast on PoCL as the one with a group for each square.
__kernel void pack_squares(
    INPUT(weight), int columns, int gates, int gate_order, int hidden, int transposed, BUFFER(packed), int depth, int width)
{
    long first_n = get_global_id(0) * 16, first_k = get_global_id(1) * 16, first_row = transposed ? first_n : first_k;
    int first_column = transposed ? first_k : first_n, rows = transposed ? width : depth;
    float square[16 * 16] __attribute__((aligned(64)));
    for (int i = 0; i < 16; i++) {
        int here = first_row + i < rows ? min(16, columns - first_column) : 0;
        __global const float *from = AT(weight) + (here > 0 ? weight_row(first_row + i, gates, gate_order, hidden) * columns + first_column : 0);
        for (int j = 0; j < 16; j++)
            square[transposed ? j * 16 + i : i * 16 + j] = j < here ? from[j] : 0.0f;
    }
    __global float *to = AT(packed) + first_n / PANEL * PANEL * depth + first_k * PANEL + first_n % PANEL;
    for (int k = 0; k < 16 && first_k + k < depth; k++)
        vstore16(vload16(k, square), 0, to + k * PANEL);
}

// For the others: work-items [columns, rows] of the panels in groups of 16×16, which turn a square in local memory.
__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void pack(
    INPUT(weight), int columns, int gates, int gate_order, int hidden, int transposed, BUFFER(packed), int depth, int width) {
    __local float square[16 * 17];
    int x = get_local_id(0), y = get_local_id(1);
    long first_n = get_group_id(0) * 16, first_k = get_global_id(1) - y;
    long row = transposed ? first_n + y : first_k + y, column = transposed ? first_k + x : first_n + x;
    long rows = transposed ? width : depth;
    square[y * 17 + x] = row < rows && column < columns ? AT(weight)[weight_row(row, gates, gate_order, hidden) * columns + column] : 0.0f;
    barrier(CLK_LOCAL_MEM_FENCE);
    long k = first_k + y, n = first_n + x;
    if (k < depth)
        AT(packed)[n / PANEL * PANEL * depth + k * PANEL + n % PANEL] = transposed ? square[x * 17 + y] : square[y * 17 + x];
}

// Where the chains of gates start: the sum of both biases, or only the input's for the gate that has its recurrent chain apart.
__kernel void pack_bias(INPUT(input), INPUT(recurrent), BUFFER(packed), int count, int gates, int gate_order, int hidden, int apart) {
    int n = get_global_id(0);
    if (n >= count)
        return;
    long row = weight_row(n, gates, gate_order, hidden);
    AT(packed)[n] = row / hidden == apart ? AT(input)[row] : AT(input)[row] + AT(recurrent)[row];
}

// Rows that do not count, in a list, become zero. Work-items [columns, rows].
__kernel void clear_rows(BUFFER(x), int columns, __global const int* rows, int list) {
    int column = get_global_id(0);
    if (column < columns)
        AT(x)[(long)rows[list + get_global_id(1)] * columns + column] = 0.0f;
}
