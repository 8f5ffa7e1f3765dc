package postgres_test

import (
	"fmt"
	"testing"

	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

func TestOwners(t *testing.T) {
	t.Parallel()
	db, ctx := pgtest.New(t), t.Context()
	f := func(want ...string) {
		t.Helper()
		owners, err := db.Owners(ctx, "log")
		must(t, err)
		mustList(t, "owners", codes(owners, func(o postgres.Owner) string {
			return fmt.Sprintf("%d/%d %s", o.Partition, o.Generation, o.URL)
		}), want...)
	}
	f()
	must(t, db.AnnounceOwner(ctx, "log", 1, 5, "http://a", jan1))
	must(t, db.AnnounceOwner(ctx, "log", 0, 5, "http://a", jan1))
	must(t, db.AnnounceOwner(ctx, "other log", 0, 9, "http://z", jan1))
	f("0/5 http://a", "1/5 http://a")
	must(t, db.AnnounceOwner(ctx, "log", 1, 6, "http://b", jan1))
	must(t, db.AnnounceOwner(ctx, "log", 1, 5, "http://a", feb1)) // late
	f("0/5 http://a", "1/6 http://b")
	must(t, db.WithdrawOwner(ctx, "log", 1, 5, "http://a")) // replaced already
	f("0/5 http://a", "1/6 http://b")
	must(t, db.WithdrawOwner(ctx, "log", 1, 6, "http://b"))
	must(t, db.WithdrawOwner(ctx, "log", 1, 6, "http://b"))
	f("0/5 http://a")
}

func TestStoppedPartitions(t *testing.T) {
	t.Parallel()
	db, ctx := pgtest.New(t), t.Context()
	f := func(want map[int32]string) {
		t.Helper()
		stops, err := db.StoppedPartitions(ctx, "log")
		must(t, err)
		equal(t, "stops", fmt.Sprint(stops), fmt.Sprint(want))
	}
	f(map[int32]string{})
	must(t, db.StopPartition(ctx, "log", 3, "another checksum", jan1))
	must(t, db.StopPartition(ctx, "log", 3, "later", feb1))
	must(t, db.StopPartition(ctx, "other log", 4, "elsewhere", jan1))
	f(map[int32]string{3: "another checksum"})
	must(t, db.ClearStop(ctx, "log", 3))
	must(t, db.ClearStop(ctx, "log", 3))
	f(map[int32]string{})
}
