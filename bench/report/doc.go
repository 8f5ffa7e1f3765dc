// Package report is what a run of a bench program found, and how it is told: the
// machine, percentiles, and one Result for each run, as text to read and as JSON
// for programs to compare.
package report
