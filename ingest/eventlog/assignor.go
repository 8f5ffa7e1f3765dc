package eventlog

import "context"

// AllPartitions is the Assignor of a log that only this process reads: every
// partition is its own from the start to the end of Run.
type AllPartitions int32

// Run calls assigned with all partitions, waits for ctx to end and calls revoked
// with the same. It returns nil.
func (n AllPartitions) Run(ctx context.Context, assigned, revoked func(partitions []int32)) error {
	all := make([]int32, n)
	for p := range all {
		all[p] = int32(p)
	}
	assigned(all)
	<-ctx.Done()
	revoked(all)
	return nil
}
