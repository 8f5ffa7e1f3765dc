// Package scenarios is the independent examiner of pricing: what is bought, what happens, and
// what must then stand on the invoices, to the cent. It has no code but the list of rules and
// its tests, and nothing imports it.
//
// The tests run the whole of weir in one process (PostgreSQL, the embedded log, an
// aggregator, the biller, the writing of events and the public API) and speak HTTP to it,
// as any user's program would. Each scenario has an organization of its own, whose test
// clock it turns. Nothing waits for a while: setting the clock answers when everything that
// was due is invoiced. A scenario costs some 30 ms of one processor, most of it PostgreSQL's.
//
// # What must hold
//
//   - Every rule of pricing stands in Rules, in one sentence with its formula, under an id
//     that stays. A scenario names the ids that it holds. A rule without a scenario fails
//     the tests. testdata/rules.md is the table of both.
//   - What a scenario in a book (*_book_test.go) expects was worked out by hand, and the working
//     stands beside it.
//   - What the grids expect comes from a calculator of their own (calculator_test.go), which
//     knows the rules and nothing of packages billing and aggregator: it walks days one by
//     one, keeps events in a list and reckons in fractions.
//
// # The grids
//
//	grid_test.go       every aggregation × charge model × interval × calendar or anniversary × in arrears
//	                   or in advance, prorated where that can be, in zones by turns; current usage in the
//	                   last instant of the last period
//	plan_grid_test.go  base fee and fixed charges of all kinds × interval × calendar or anniversary × in
//	                   arrears or in advance, plain, with a trial, with a commitment, by months; with tax by turns
//	move_grid_test.go  customers that move to another time zone, with all that is reckoned by days
//
// # How a scenario is written
//
// See scenario in scenario_test.go for what the lines mean.
//
//	{
//		name:  "a seat that joins in mid-month",
//		rules: "prorata.sum",
//		buys: `
//			plan monthly 0
//			seats standard 4.00 prorated`,
//		happens: `
//			2024-04-01 subscribe
//			2024-03-15 seats n=10
//			2024-04-16 seats n=1
//			2024-05-01 clock`,
//		// 10 + 15/30 = 10.5, × 4.00 = 42.00; 11 are shown
//		bills: `
//			2024-05-01 4200
//				seats 4200 units=11`,
//	},
//
// What has changed in the table of rules is written with
// go test ./billing/scenarios -run TestRules -update, and read before it is believed.
//
// # What has gone wrong here
//
//   - A rule said that an event counts once however often it is sent, and the scenario that
//     named it sent nothing twice. The table shows who names a rule, not who would notice.
//   - The grid of moves expected every period to cost the same for everybody who moves. Where
//     the start lies on another day in the new zone, the first period is another one, and
//     what was paid ahead may be a day of the next: such moves are not in it.
//   - The grid let the running value of a weighted sum that begins each period anew go below
//     zero, because it watched the sum of all periods.
package scenarios
