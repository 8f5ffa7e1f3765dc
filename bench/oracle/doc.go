// Package oracle counts and prices usage again, slowly and plainly: every number
// is a fraction, every question walks all events. It shares no code with the
// rooms it checks, so that one mistake cannot be made on both sides.
//
// It knows what a metric counts (count_agg, sum_agg), the charge models standard,
// graduated and package, a monthly base fee that is due in full, and rounding to
// minor units, half away from zero. It does not know filters, groups, proration or taxes.
//
// No line here is meant to be fast.
package oracle
