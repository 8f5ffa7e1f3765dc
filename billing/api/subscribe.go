package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"weir/billing"
)

// createSubscription is POST /subscriptions. The same external_id on the same
// plan changes nothing and is answered with the subscription as it stands.
func (a *api) createSubscription(ctx context.Context, r request) (any, error) {
	f, err := r.form("subscription")
	if err != nil {
		return nil, err
	}
	wanted := readSubscription(f)
	customerID, planCode := f.required("external_customer_id"), f.required("plan_code")
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	plan, err := a.DB.Plan(ctx, r.organization.ID, planCode)
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	customer, err := a.subscriber(ctx, r.organization.ID, customerID)
	if err != nil {
		return nil, err
	}
	sub, err := a.subscribe(ctx, &r.organization, wanted, &customer, &plan, now)
	if err != nil {
		return nil, err
	}
	bound, err := a.subscribedTo(ctx, &r.organization, &sub)
	if err != nil {
		return nil, err
	}
	return bound.extended(now), nil
}

// subscriber loads a customer, or sets up one that does not exist with its id
// alone, as Lago does: settleCustomer saves it once nothing can be refused any more.
func (a *api) subscriber(ctx context.Context, organization uuid.UUID, externalID string) (billing.Customer, error) {
	customer, err := a.DB.Customer(ctx, organization, externalID)
	if billing.IsNotFound(err) {
		return billing.Customer{OrganizationID: organization, ExternalID: externalID}, nil
	}
	return customer, err
}

func readSubscription(f form) billing.Subscription {
	s := billing.Subscription{
		ExternalID:  f.required("external_id"),
		BillingTime: billing.BillingTime(f.choice("billing_time", string(billing.Calendar), string(billing.Anniversary))),
	}
	f.into(&s.Name, "name", textBytesMax)
	s.SubscriptionAt, _ = f.instant("subscription_at")
	if endingAt, ok := f.instant("ending_at"); ok {
		s.EndingAt = &endingAt
	}
	if number := readPurchaseOrderNumber(f); number != nil {
		s.PurchaseOrderNumber = *number
	}
	consolidate, said := f.boolean("consolidate_invoice")
	s.SeparateInvoice = said && !consolidate
	refuseOfSubscription(f)
	return s
}

// readPurchaseOrderNumber returns the number without blanks around it, as Lago keeps it, "" if
// it is null; nil when it is not said.
func readPurchaseOrderNumber(f form) *string {
	number, ok := f.text("purchase_order_number", textBytesMax)
	if !ok {
		return nil
	}
	number = strings.TrimSpace(number)
	return &number
}

// refuseOfSubscription refuses what this version does not do of what may be said of a
// subscription, new or not.
func refuseOfSubscription(f form) {
	f.notYet("plan_overrides", "usage_thresholds", "activation_rules", "invoice_custom_section", "payment_method")
	f.notYetUnless("billing_entity_code", `"`+billingEntityDefault+`"`)
}

// subscribe creates the subscription, or returns the one that lives already.
func (a *api) subscribe(ctx context.Context, organization *billing.Organization, wanted billing.Subscription,
	customer *billing.Customer, plan *billing.Plan, now time.Time,
) (billing.Subscription, error) {
	versions, err := a.DB.SubscriptionsOf(ctx, organization.ID, wanted.ExternalID)
	if err != nil {
		return billing.Subscription{}, err
	}
	if i := slices.IndexFunc(versions, living); i >= 0 {
		same, err := sameSubscription(versions[i], customer, plan)
		if err != nil {
			return same, err
		}
		return same, a.settle(ctx, organization.ID) // the first try may have failed before it did
	}
	location, err := billing.Location(customer, organization)
	if err != nil {
		return billing.Subscription{}, err
	}
	wanted.ID, wanted.OrganizationID, wanted.PlanID = newID(), organization.ID, plan.ID
	wanted.InitialStartedAt = initialStart(versions, customer)
	if err := wanted.Start(plan, location, now); err != nil {
		return billing.Subscription{}, err
	}
	if wanted.EndsPaidAhead(plan, location) { // there are no credit notes yet
		return billing.Subscription{}, billing.Invalid("ending_at", billing.CodeNotSupported)
	}
	if overlaps(&wanted, versions) {
		return billing.Subscription{}, billing.Invalid("subscription_at", billing.CodeOutOfRange)
	}
	if err := a.settleCustomer(ctx, customer, plan.Currency, now); err != nil {
		return billing.Subscription{}, err
	}
	wanted.CustomerID = customer.ID
	if err := a.DB.CreateSubscription(ctx, &wanted); err != nil {
		return a.subscribedMeanwhile(ctx, wanted.ExternalID, customer, plan, err)
	}
	return wanted, a.settle(ctx, organization.ID)
}

// subscribedMeanwhile looks again after a creation has failed: the same request,
// sent twice at once, is answered twice alike.
func (a *api) subscribedMeanwhile(ctx context.Context, externalID string, customer *billing.Customer, plan *billing.Plan, failed error) (billing.Subscription, error) {
	var refused *billing.Error
	if !errors.As(failed, &refused) {
		return billing.Subscription{}, failed
	}
	living, err := a.DB.Subscription(ctx, customer.OrganizationID, externalID, billing.Active, billing.Pending)
	if err != nil {
		return billing.Subscription{}, failed
	}
	return sameSubscription(living, customer, plan)
}

func living(s billing.Subscription) bool {
	return s.Status == billing.Active || s.Status == billing.Pending
}

// sameSubscription returns the living subscription if that is what was asked for.
func sameSubscription(s billing.Subscription, customer *billing.Customer, plan *billing.Plan) (billing.Subscription, error) {
	if s.CustomerID != customer.ID {
		return s, billing.Invalid("external_id", billing.CodeAlreadyExist)
	}
	if s.PlanID != plan.ID {
		return s, billing.Invalid("plan_code", billing.CodeNotSupported)
	}
	return s, nil
}

// initialStart returns when the customer's first subscription with the external id started, nil
// when there was none: a trial can't be had again by beginning anew.
func initialStart(versions []billing.Subscription, customer *billing.Customer) *time.Time {
	for i := range versions {
		if versions[i].CustomerID == customer.ID && versions[i].InitialStartedAt != nil {
			return versions[i].InitialStartedAt // that of all, as they were handed down
		}
	}
	return nil
}

// overlaps reports whether the subscription would begin before an earlier one
// with its external id ended. Events name that id alone: those in between would be
// billed by both.
func overlaps(s *billing.Subscription, versions []billing.Subscription) bool {
	return slices.ContainsFunc(versions, func(earlier billing.Subscription) bool {
		return earlier.TerminatedAt != nil && earlier.TerminatedAt.After(s.SubscriptionAt)
	})
}

// settleCustomer makes the plan's currency the customer's, if it has none, and
// saves a customer that is new. A customer's invoices are all in one currency.
func (a *api) settleCustomer(ctx context.Context, customer *billing.Customer, currency billing.Currency, now time.Time) error {
	if customer.Currency == currency {
		return nil
	}
	saved, err := a.DB.UpsertCustomer(ctx, customer.OrganizationID, customer.ExternalID, now, func(c *billing.Customer) error {
		if c.Currency != "" && c.Currency != currency {
			return billing.Invalid("currency", codeOtherCurrency)
		}
		c.Currency = currency
		return nil
	})
	if err != nil {
		return err
	}
	*customer = saved
	return nil
}

// settle makes the invoice of a beginning or an end at once where a test clock
// rules: there, nobody watches for what falls due between two settings of the clock.
func (a *api) settle(ctx context.Context, organization uuid.UUID) error {
	if !a.Sandbox {
		return nil
	}
	now, err := a.DB.TestClock(ctx, organization)
	if err != nil || now == nil {
		return err
	}
	if err := a.Advance(ctx, organization, *now); err != nil {
		return fmt.Errorf("cannot run what is due at once: %w", err)
	}
	return nil
}
