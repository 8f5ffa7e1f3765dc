// Package ratelimit bounds how much one organization may ask for in a second.
//
// Every organization has a bucket of tokens. It holds what one second adds, and is
// full at first. A request is let through while at least one token is there, and then
// pays what it costs, into debt if need be: so a request that costs more than the
// bucket holds is not refused for ever, and the rate holds over any longer time. Who is
// refused pays nothing.
//
// A cost that is known only after work was done is paid in two steps: Peek before
// the work, Take after it.
//
// The buckets are this process's own: with several behind a balancer, an organization
// may ask each of them for its limit.
//
// # Invariants
//
//   - In any time t an organization gets at most (t + 1 s) * limit tokens, and the last
//     request that was let through.
//   - Memory is bounded by the organizations that were seen within a second, and the
//     debtors: a full bucket is the same as none.
//   - No clock: whoever calls says what time it is. A time before the one before
//     changes nothing.
package ratelimit
