//go:build race

package intake

// raceEnabled: under the race detector SHA-256 allocates what the compiler optimizes away otherwise.
const raceEnabled = true
