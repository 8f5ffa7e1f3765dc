// Package stages holds what each stage of an event's way may cost: its tests compare
// each with a fixed loop, see bench/yardstick. The events are those of bench/load.
package stages
