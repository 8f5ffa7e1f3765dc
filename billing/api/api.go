package api

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator/query"
	"weir/billing/postgres"
	"weir/ingest/ratelimit"
)

// Options say what the API stands on.
type Options struct {
	// DB keeps everything but usage.
	DB *postgres.DB
	// Usage answers what the events amount to.
	Usage query.Querier
	// Partitions is the log's number of partitions, at least 1: a subscription's events
	// are all in one of them.
	Partitions int32
	// Clock is the system's clock; nil = time.Now.
	Clock func() time.Time
	// Advance makes everything that is due up to now in a sandbox organization, each
	// thing as at its own instant, and returns when it is done. nil without a sandbox.
	Advance func(ctx context.Context, organization uuid.UUID, now time.Time) error
	// Append writes a record, ready to be applied, to a partition of the log and returns
	// its offset once the log has it durably. After an error it may be there or not. value
	// is the callee's from then on. nil: events can't be corrected through this API.
	Append func(ctx context.Context, partition int32, value []byte) (offset int64, err error)
	// Requests bounds the requests of each organization; nil = no limit. It may be shared
	// with whoever else takes requests.
	Requests *ratelimit.Limiter
	// Sandbox: organizations may live by a test clock.
	Sandbox bool
	// Version is what /health says.
	Version    string
	Logger     *slog.Logger          // nil = none
	Registerer prometheus.Registerer // nil = no metrics
}

// api is the handler's state. It is immutable but for the caches of keys and catalogs.
type api struct {
	Options
	keys     *keys
	catalogs *catalogs
	metrics  *metrics
}

// New returns the management API: Lago's REST routes under /api/v1, but for the
// writing of events, and GET /health.
//
// A route it does not know is answered as Lago does: 404, resource_not_found.
func New(opts Options) http.Handler {
	if opts.Partitions < 1 {
		panic("BUG: api.Options.Partitions is not set")
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	a := &api{
		Options:  opts,
		keys:     &keys{find: opts.DB.OrganizationForKey, now: time.Now},
		catalogs: &catalogs{read: opts.DB.OrganizationCatalog},
		metrics:  newMetrics(opts.Registerer),
	}
	return a.observe(a.routes())
}

// routes binds the paths. Ids stand in the path as the client wrote them: the
// official JavaScript client does not escape them, so they may hold anything but
// a slash.
func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]action{
		"POST /api/v1/billable_metrics":                     a.createBillableMetric,
		"GET /api/v1/billable_metrics":                      a.listBillableMetrics,
		"GET /api/v1/billable_metrics/{code}":               a.showBillableMetric,
		"PUT /api/v1/billable_metrics/{code}":               a.updateBillableMetric,
		"DELETE /api/v1/billable_metrics/{code}":            a.deleteBillableMetric,
		"POST /api/v1/billable_metrics/evaluate_expression": a.evaluateExpression,

		"POST /api/v1/plans":                         a.createPlan,
		"GET /api/v1/plans":                          a.listPlans,
		"GET /api/v1/plans/{code}":                   a.showPlan,
		"PUT /api/v1/plans/{code}":                   a.updatePlan,
		"DELETE /api/v1/plans/{code}":                a.deletePlan,
		"POST /api/v1/plans/{code}/metadata":         a.replacePlanMetadata,
		"PATCH /api/v1/plans/{code}/metadata":        a.mergePlanMetadata,
		"DELETE /api/v1/plans/{code}/metadata":       a.deletePlanMetadata,
		"DELETE /api/v1/plans/{code}/metadata/{key}": a.deletePlanMetadataKey,

		"POST /api/v1/plans/{code}/charges":                                     a.createPlanCharge,
		"GET /api/v1/plans/{code}/charges":                                      a.listPlanCharges,
		"GET /api/v1/plans/{code}/charges/{charge_code}":                        a.showPlanCharge,
		"PUT /api/v1/plans/{code}/charges/{charge_code}":                        a.updatePlanCharge,
		"DELETE /api/v1/plans/{code}/charges/{charge_code}":                     a.deletePlanCharge,
		"POST /api/v1/plans/{code}/charges/{charge_code}/filters":               a.createChargeFilter,
		"GET /api/v1/plans/{code}/charges/{charge_code}/filters":                a.listChargeFilters,
		"GET /api/v1/plans/{code}/charges/{charge_code}/filters/{filter_id}":    a.showChargeFilter,
		"PUT /api/v1/plans/{code}/charges/{charge_code}/filters/{filter_id}":    a.updateChargeFilter,
		"DELETE /api/v1/plans/{code}/charges/{charge_code}/filters/{filter_id}": a.deleteChargeFilter,

		"POST /api/v1/plans/{code}/fixed_charges":                       a.createPlanFixedCharge,
		"GET /api/v1/plans/{code}/fixed_charges":                        a.listPlanFixedCharges,
		"GET /api/v1/plans/{code}/fixed_charges/{fixed_charge_code}":    a.showPlanFixedCharge,
		"PUT /api/v1/plans/{code}/fixed_charges/{fixed_charge_code}":    a.updatePlanFixedCharge,
		"DELETE /api/v1/plans/{code}/fixed_charges/{fixed_charge_code}": a.deletePlanFixedCharge,

		"POST /api/v1/add_ons":          a.createAddOn,
		"GET /api/v1/add_ons":           a.listAddOns,
		"GET /api/v1/add_ons/{code}":    a.showAddOn,
		"PUT /api/v1/add_ons/{code}":    a.updateAddOn,
		"DELETE /api/v1/add_ons/{code}": a.deleteAddOn,

		"POST /api/v1/taxes":          a.createTax,
		"GET /api/v1/taxes":           a.listTaxes,
		"GET /api/v1/taxes/{code}":    a.showTax,
		"PUT /api/v1/taxes/{code}":    a.updateTax,
		"DELETE /api/v1/taxes/{code}": a.deleteTax,

		"POST /api/v1/pricing_units":          a.createPricingUnit,
		"GET /api/v1/pricing_units":           a.listPricingUnits,
		"GET /api/v1/pricing_units/{code}":    a.showPricingUnit,
		"PUT /api/v1/pricing_units/{code}":    a.updatePricingUnit,
		"DELETE /api/v1/pricing_units/{code}": a.deletePricingUnit,

		"POST /api/v1/customers":                                a.upsertCustomer,
		"GET /api/v1/customers":                                 a.listCustomers,
		"GET /api/v1/customers/{external_id}":                   a.showCustomer,
		"GET /api/v1/customers/{external_id}/current_usage":     a.showCurrentUsage,
		"GET /api/v1/customers/{external_id}/projected_usage":   a.showProjectedUsage,
		"GET /api/v1/customers/{external_id}/past_usage":        a.listPastUsage,
		"GET /api/v1/customers/{external_id}/usage":             a.showUsage,
		"GET /api/v1/customers/{external_id}/usage_differences": a.listUsageDifferences,
		"GET /api/v1/customers/{external_id}/invoices":          a.listCustomerInvoices,
		"GET /api/v1/customers/{external_id}/subscriptions":     a.listCustomerSubscriptions,

		"POST /api/v1/subscriptions":                             a.createSubscription,
		"GET /api/v1/subscriptions":                              a.listSubscriptions,
		"GET /api/v1/subscriptions/{external_id}":                a.showSubscription,
		"PUT /api/v1/subscriptions/{external_id}":                a.updateSubscription,
		"DELETE /api/v1/subscriptions/{external_id}":             a.terminateSubscription,
		"GET /api/v1/subscriptions/{external_id}/lifetime_usage": a.showLifetimeUsage,

		"GET /api/v1/events":                     a.listEvents,
		"GET /api/v1/events/{transaction_id}":    a.showEvent,
		"PUT /api/v1/events/{transaction_id}":    a.amendEvent,
		"DELETE /api/v1/events/{transaction_id}": a.cancelEvent,
		"GET /api/v1/uncounted_events":           a.listUncountedEvents,

		"POST /api/v1/invoices":          a.createOneOffInvoice,
		"GET /api/v1/invoices":           a.listInvoices,
		"GET /api/v1/invoices/{lago_id}": a.showInvoice,
		"GET /api/v1/fees":               a.listFees,
		"GET /api/v1/fees/{lago_id}":     a.showFee,

		"GET /api/v1/test_clock": a.showTestClock,
		patternSetTestClock:      a.setTestClock,
	} {
		mux.Handle(pattern, a.authenticated(do))
		if resource, ok := strings.CutPrefix(pattern, "PUT "); ok { // Lago takes either
			mux.Handle("PATCH "+resource, a.authenticated(do))
		}
	}
	mux.HandleFunc("GET /health", a.health)
	mux.HandleFunc("/", a.unknownRoute)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// ServeMux would redirect to the cleaned path; to a client of an API that is no answer.
		if asked := r.URL.EscapedPath(); path.Clean(asked) != asked {
			a.unknownRoute(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// health says that the process answers, as Lago's does. Readiness is asked of the
// operations port.
func (a *api) health(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, struct {
		Version   string  `json:"version"`
		GithubURL *string `json:"github_url"`
		Message   string  `json:"message"`
	}{Version: a.Version, Message: "Success"})
}

func (a *api) unknownRoute(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusNotFound, errorBody{Status: http.StatusNotFound, Error: "Not Found", Code: codeUnknownRoute})
}
