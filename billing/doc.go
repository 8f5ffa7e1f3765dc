// Package billing is the domain of money: what customers owe for the usage that
// package aggregator measured, and when.
//
// It is pure: no input or output, no goroutine, no clock; now is an argument.
// PostgreSQL stands in postgres, the clock tick that makes invoices in biller,
// Lago's REST API in api.
//
// # Invariants
//
//   - Money: totals are integer minor units with a currency; prices and units are
//     decimals. Only money.go rounds, at the steps Lago's contract names.
//   - Periods are half-open [From, To). The inclusive 23:59:59 of Lago exists only
//     in package api. Time zones exist only in period.go.
//   - Every instant of a subscription's base fee, usage and fixed charges is on at
//     most one invoice of its kind: Subscription.BaseBilledUntil, UsageBilledUntil
//     and FixedBilledUntil only ever move forward, from a period's From to its To.
//   - A finalized invoice is never recomputed.
//   - One function prices usage, PriceCharge, for current usage and for invoices; and one
//     period function serves both, so that they agree to the last minor unit.
//
// # From usage to an invoice
//
//	definition.go  MetricDefinition: by which properties metering must split a metric
//	pricing.go     PriceCharge: cells to buckets of filter and group, buckets to money
//	standard.go graduated.go package.go  the charge models: validity, price, details
//	period.go      Schedule: where periods begin and end, by local days
//	subscription.go  Start, Terminate, Cancel: the states, and what they make due
//	bill.go        NextBill: what falls due next for a subscription, and its Advance
//	assemble.go    Assemble: the bills of one customer to an invoice and its evidence
//
// # Choices
//
// A subscription that is created with a beginning in the past is not billed for periods
// that had elapsed by then, as with Lago: usage and a base fee in arrears are billed from
// the running period on, whole; a base fee in advance from the next period on, unless the
// subscription began on the very day. "By then" is the organization's clock, also in a
// sandbox.
//
// The base fee is counted in local days that the subscription touches, over the days of
// the full period, first multiplied and then divided. A first anniversary period has all
// of its days and so costs the full amount; a termination pays its day. Lago counts the
// seconds between two instants, up to whole days, and gets the same days.
//
// Fees, groups and snapshots are made in the order of the plan, the charge's filters and
// the values, never in that of a map.
//
// A local midnight may not exist, or exist twice, and time.Date promises nothing then. A
// period begins at the first instant of its local day, found in dayStart alone.
//
// # What has gone wrong here
//
//   - A customer that moved to another time zone within a day of its first boundary got a
//     period of five hours, with a day's base fee of its own, in a bill dated a month back.
//     Boundaries are now looked for nearest to where they were expected.
//   - The days of a base fee were those of the schedule's period alone. A customer that had
//     just paid March, moved west and so back into March, and ended there, paid March again.
//   - A customer that began in advance in a month's last hours and then moved to where the
//     next had begun never paid that month: the fee of the one after covered both.
//   - Asked for the running period of a subscription whose end had passed without a biller
//     noticing yet, UsagePeriodAt answered one that began after it ended.
package billing
