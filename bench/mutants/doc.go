// Package mutants shows that the tests would notice. Each of its mutants is a bug of the kind
// that a person could write, seeded into metering: a tie broken the other way, a boundary that is
// off by one, a lost removal. With each of them in place, the tests of running totals or the comparison of the
// engine with bench/oracle must fail; one that does not shows a hole in it.
//
// Nothing is written into the tree: the go command is given the changed file as an
// overlay. A mutant whose text is not found exactly once in its file fails as well, so that the list
// follows the code.
//
//	make mutants
//	go test ./bench/mutants -v -args -mutants -mutants.only=filters
package mutants
