package postgres_test

import (
	"strings"
	"testing"
	"time"

	"weir/billing"
	"weir/billing/postgres/pgtest"
)

func TestOrganization(t *testing.T) {
	t.Parallel()
	db, ctx := pgtest.New(t), t.Context()
	org := billing.Organization{Name: "Hooli", NetPaymentTermDays: 30, CreatedAt: jan10.Add(999 * time.Nanosecond)}
	must(t, db.CreateOrganization(ctx, &org))

	id := org.ID.String()
	equal(t, "prefix", org.DocumentNumberPrefix, "HOO-"+strings.ToUpper(id[len(id)-4:]))
	equal(t, "creation", org.CreatedAt, jan10) // to the microsecond
	got, err := db.Organization(ctx, org.ID)
	must(t, err)
	equal(t, "organization", got, org)
	equal(t, "currency", got.DefaultCurrency, "USD")
	equal(t, "zone", got.CreatedAt.Location(), time.UTC)

	_, err = db.Organization(ctx, nobody)
	mustNotFound(t, err, "organization_not_found")

	second := billing.Organization{Name: "Pied Piper", CreatedAt: feb1}
	must(t, db.CreateOrganization(ctx, &second))
	all, err := db.Organizations(ctx)
	must(t, err)
	mustList(t, "organizations", codes(all, func(o billing.Organization) string { return o.Name }), "Hooli", "Pied Piper")
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	const key = "weir_0123456789abcdef"
	must(t, x.db.CreateAPIKey(ctx, x.org.ID, "first", key, jan1))

	got, err := x.db.OrganizationForKey(ctx, key)
	must(t, err)
	equal(t, "organization", got.ID, x.org.ID)
	_, err = x.db.OrganizationForKey(ctx, key+"0")
	mustNotFound(t, err, "api_key_not_found")

	mustInvalid(t, x.db.CreateAPIKey(ctx, other.org.ID, "same", key, jan1), "api_key", billing.CodeAlreadyExist)
	mustInvalid(t, x.db.CreateAPIKey(ctx, other.org.ID, "empty", "", jan1), "api_key", billing.CodeMandatory)
	mustNotFound(t, x.db.CreateAPIKey(ctx, nobody, "nobody's", key+"1", jan1), "organization_not_found")

	mustNotFound(t, x.db.RevokeAPIKey(ctx, other.org.ID, key, feb1), "api_key_not_found")
	must(t, x.db.RevokeAPIKey(ctx, x.org.ID, key, feb1))
	_, err = x.db.OrganizationForKey(ctx, key)
	mustNotFound(t, err, "api_key_not_found")
	mustNotFound(t, x.db.RevokeAPIKey(ctx, x.org.ID, key, feb1), "api_key_not_found")
}

func TestTestClock(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	clock, err := x.db.TestClock(ctx, x.org.ID)
	must(t, err)
	if clock != nil {
		t.Fatalf("a new organization has the test clock %v", clock)
	}

	must(t, x.db.SetTestClock(ctx, x.org.ID, jan10)) // any instant, far in the past
	must(t, x.db.SetTestClock(ctx, x.org.ID, jan10)) // equal
	must(t, x.db.SetTestClock(ctx, x.org.ID, feb1))  // forward
	mustInvalid(t, x.db.SetTestClock(ctx, x.org.ID, feb1.Add(-time.Microsecond)), "now", billing.CodeInvalid)
	clock, err = x.db.TestClock(ctx, x.org.ID)
	must(t, err)
	equal(t, "clock", *clock, feb1)

	mustNotFound(t, x.db.SetTestClock(ctx, nobody, feb1), "organization_not_found")
	_, err = x.db.TestClock(ctx, nobody)
	mustNotFound(t, err, "organization_not_found")
}
