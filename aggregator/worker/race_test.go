//go:build race

package worker

// raceEnabled: under the race detector SHA-256 allocates what the compiler optimizes away otherwise.
const raceEnabled = true
