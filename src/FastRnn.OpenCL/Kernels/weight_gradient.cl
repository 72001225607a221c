// The order of the sums over rows (t, b), see WeightGradient.cs: spans of 64 steps, the last first; in a span slices of 16 samples, combined in a
// tree; in a slice blocks of rows, each one chain from zero, added in order. The host lists the rows that count, block after block:
// order[list + i] is a row, or ~row where X counts as zero; block j has the rows order[blocks + j] … order[blocks + j + 1] − 1 of the list,
// slice s the blocks order[slices + s] … order[slices + s + 1] − 1.
#define ROW_OF(entry) ((entry) < 0 ? ~(entry) : (entry))
