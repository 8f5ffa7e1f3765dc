// Package yardstick guards what stages of the hot path cost, without a clock's figure
// in any test.
//
// How long a stage takes depends on the machine, on its neighbours and on the hour;
// what it takes in proportion to another loop, much less. So Ratio runs a stage and a
// fixed loop, the yardstick, by turns in one process, and compares their CPU time. A
// stage that takes more yardsticks than its bound has become slower by its own doing:
// the test fails on a laptop as it does in CI.
//
// The yardstick is what metering mostly does: it hashes the bytes of an event, and waits for
// memory once. It never changes, as all bounds are in its unit. Bounds are generous,
// about twice what was measured when they were set: they are there to catch a stage
// that has begun to allocate, to copy, or to do its work twice.
package yardstick
