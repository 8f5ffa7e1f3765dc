// Package oracle counts and prices usage again, slowly and plainly: every number
// is a fraction, every question walks all events. It shares no code with the
// rooms it checks and imports the standard library alone, so that one mistake
// cannot be made on both sides.
//
// # What it knows
//
// Usage takes a log of events and their corrections, a metric of any aggregation
// and a charge's filters and groups, and gives the units of a period. Folds gives what its events come to by their
// order and their days: what is free, what each costs, on how many days units were there. Plan prices what no
// filter and no group takes apart: the charge models standard, graduated and package,
// a monthly base fee that is due in full, and rounding to minor units, half away
// from zero. It does not price by days, and knows no taxes.
//
// Examples are questions with answers worked out by hand; whatever meters can be held
// against them. Random makes questions without an answer, for which Usage has one.
//
// # The rules
//
//   - Of each (subscription, transaction id) one entry counts, or none: see Current.
//   - An event takes part if its code is the metric's and it has the value that the
//     aggregation needs: see Reason. The value is the property Field, or in its place the
//     result of the expression, which may be a string and is then judged as a string.
//   - A period is half-open, to the nanosecond. A recurring sum or unique count takes all
//     events before its end; a recurring weighted sum opens with the total of all before its beginning.
//   - Order is that of (timestamp, bytes of the transaction id), never that of the log.
//   - Values compare in a text form: see Value. Of several filters one has the event.
//   - Quotients keep 20 digits after the point: a mean and a division are rounded half
//     away from zero, a weighted sum up, towards +∞. All else is exact until Metric.Rounding.
//   - A bucket is aggregated as a whole and then rounded: never a sum of rounded parts.
//   - Units may be negative. What is billed of them is not: see NotNegative.
//   - A sum's units of a day are those at its end. A member's day is each on which it was there at some instant, that of its
//     removal included. A level below zero has nothing in any tier.
//
// No line here is meant to be fast.
package oracle
