// Lago's own JavaScript client, unchanged, drives weir from a metric to an invoiced
// month. Only the test clock, which Lago does not have, is set by a plain fetch.
//
//   WEIR_URL=http://127.0.0.1:3000 WEIR_API_KEY=… node flow.mjs
//
// The weir must be a sandbox (WEIR_SANDBOX=true). Every run makes things of its own
// and can be repeated against the same weir: its month is the one after the clock's.

import assert from "node:assert/strict";
import { client, eventually, name, refused, step, testClock } from "./session.mjs";

// The month: the one that begins after the clock's instant.
const before = await testClock();
const start = before ? new Date(before) : new Date("2024-02-29T12:00:00Z");
const from = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1));
const to = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 2, 1));
const day = (n, hour) => Math.floor(from.getTime() / 1000) + (n - 1) * 86_400 + hour * 3_600;
const iso = (date) => date.toISOString().replace(".000Z", "Z");
await testClock(from);
step(`test clock stands at ${iso(from)}`);

// Metrics.
const { data: calls } = await client.billableMetrics.createBillableMetric({
  billable_metric: { name: "Calls", code: name("calls"), aggregation_type: "count_agg", recurring: false },
});
const { data: tokens } = await client.billableMetrics.createBillableMetric({
  billable_metric: { name: "Tokens", code: name("tokens"), aggregation_type: "sum_agg", field_name: "tokens", recurring: false },
});
assert.equal(calls.billable_metric.aggregation_type, "count_agg");
assert.equal(tokens.billable_metric.field_name, "tokens");
const { data: read } = await client.billableMetrics.findBillableMetric(name("tokens"));
assert.deepEqual(read, tokens);
const taken = await refused(client.billableMetrics.createBillableMetric({
  billable_metric: { name: "Again", code: name("tokens"), aggregation_type: "count_agg" },
}));
assert.equal(taken.status, 422);
assert.deepEqual(taken.error_details, { code: ["value_already_exist"] });
step("metrics: a count and a sum; a code is taken only once");

// A plan with the three charge models: 10.00 a month, paid at its end.
const { data: plan } = await client.plans.createPlan({
  plan: {
    name: "Flow", code: name("plan"), interval: "monthly", amount_cents: 1000, amount_currency: "USD", pay_in_advance: false,
    charges: [
      { billable_metric_id: calls.billable_metric.lago_id, charge_model: "standard", properties: { amount: "0.05" } },
      {
        billable_metric_id: tokens.billable_metric.lago_id, charge_model: "graduated",
        properties: {
          graduated_ranges: [
            { from_value: 0, to_value: 10, per_unit_amount: "1", flat_amount: "5" },
            { from_value: 11, to_value: null, per_unit_amount: "0.5", flat_amount: "2" },
          ],
        },
      },
      {
        billable_metric_id: tokens.billable_metric.lago_id, charge_model: "package",
        properties: { amount: "25", package_size: 100, free_units: 50 },
      },
    ],
  },
});
assert.deepEqual(plan.plan.charges.map((charge) => charge.charge_model), ["standard", "graduated", "package"]);
assert.equal(plan.plan.charges[0].properties.amount, "0.05");
const number = await refused(client.plans.createPlan({
  plan: {
    name: "Bad", code: name("bad"), interval: "monthly", amount_cents: 0, amount_currency: "USD", pay_in_advance: false,
    charges: [{ billable_metric_id: calls.billable_metric.lago_id, charge_model: "standard", properties: { amount: 0.05 } }],
  },
}));
assert.deepEqual(Object.values(number.error_details), [["invalid_amount"]]);
step("plan: a base fee, standard, graduated and package charges; money must be a string");

// A customer and a subscription.
const { data: customer } = await client.customers.createCustomer({
  customer: { external_id: name("customer"), name: "Acme", email: "billing@acme.test", currency: "USD", country: "DE" },
});
assert.equal(customer.customer.currency, "USD");
const { data: renamed } = await client.customers.createCustomer({
  customer: { external_id: name("customer"), name: "Acme Ltd" },
});
assert.equal(renamed.customer.lago_id, customer.customer.lago_id);
assert.equal(renamed.customer.name, "Acme Ltd");
assert.equal(renamed.customer.country, "DE");
step("customer: created, then changed by the same call");

const subscribe = {
  subscription: {
    external_customer_id: name("customer"), plan_code: name("plan"), external_id: name("sub"),
    billing_time: "calendar", subscription_at: iso(from),
  },
};
const { data: subscription } = await client.subscriptions.createSubscription(subscribe);
assert.equal(subscription.subscription.status, "active");
assert.equal(subscription.subscription.plan.code, name("plan"));
const { data: again } = await client.subscriptions.createSubscription(subscribe);
assert.equal(again.subscription.lago_id, subscription.subscription.lago_id);
const { data: subscriptions } = await client.subscriptions.findAllSubscriptions({ external_customer_id: name("customer") });
assert.equal(subscriptions.meta.total_count, 1);
step("subscription: active; asked for twice it is the same one");

// Events: 4 calls of 100 + 80 + 35 + 15 = 230 tokens, each with an event for both metrics.
const event = (id, metric, n, hour, properties) => ({
  transaction_id: name(id), external_subscription_id: name("sub"), code: name(metric), timestamp: day(n, hour), properties,
});
const single = { event: event("t-1", "tokens", 2, 9, { tokens: 100, model: "large" }) };
const { data: created } = await client.events.createEvent(single);
assert.equal(created.event.transaction_id, name("t-1"));
await client.events.createBatchEvents({
  events: [
    event("t-2", "tokens", 3, 10, { tokens: 80 }),
    event("t-3", "tokens", 4, 11, { tokens: 35 }),
    event("t-4", "tokens", 5, 12, { tokens: "15" }),
    event("c-1", "calls", 2, 9, {}),
    event("c-2", "calls", 3, 10, {}),
    event("c-3", "calls", 4, 11, {}),
    event("c-4", "calls", 5, 12, {}),
  ],
});
step("events: one by itself, seven in a batch");

const repeat = await refused(client.events.createEvent(single));
assert.equal(repeat.status, 422);
assert.equal(repeat.code, "validation_errors");
assert.deepEqual(repeat.error_details, { transaction_id: ["value_already_exist"] });
const repeats = await refused(client.events.createBatchEvents({
  events: [event("t-9", "tokens", 6, 9, { tokens: 1000 }), event("t-2", "tokens", 3, 10, { tokens: 80 })],
}));
assert.equal(repeats.status, 422);
assert.deepEqual(repeats.error_details, { 1: { transaction_id: ["value_already_exist"] } });
step("a repeat is refused; in a batch it is named by its index, and nothing of the batch counts");

const { data: listed } = await eventually(
  () => client.events.findAllEvents({ external_subscription_id: name("sub"), code: name("tokens") }),
  ({ data }) => assert.equal(data.meta.total_count, 4),
);
assert.deepEqual(listed.events.map((e) => e.transaction_id), ["t-4", "t-3", "t-2", "t-1"].map(name)); // newest first
const { data: found } = await client.events.findEvent(name("t-1"));
assert.equal(found.event.lago_id, created.event.lago_id);
assert.deepEqual(found.event.properties, { tokens: 100, model: "large" });
step("events are read back, by list and by transaction_id");

// Current usage.
//   standard  4 × 0.05                             =   0.20
//   graduated 10 × 1.00 + 5.00 + 220 × 0.50 + 2.00 = 127.00
//   package   ceil((230 - 50) / 100) × 25.00       =  50.00
const { data: usage } = await eventually(
  () => client.customers.findCustomerCurrentUsage(name("customer"), { external_subscription_id: name("sub") }),
  ({ data }) => assert.deepEqual(data.customer_usage.charges_usage.map((charge) => charge.events_count), [4, 4, 4]),
);
const charges = usage.customer_usage.charges_usage;
assert.deepEqual(charges.map((charge) => charge.units), ["4.0", "230.0", "230.0"]);
assert.deepEqual(charges.map((charge) => charge.amount_cents), [20, 12_700, 5_000]);
assert.equal(usage.customer_usage.amount_cents, 17_720);
assert.equal(usage.customer_usage.currency, "USD");
assert.equal(usage.customer_usage.from_datetime, iso(from));
step("current usage: 4 calls, 230 tokens, 177.20");

// The month ends: usage and the base fee of 10.00 on one invoice.
await testClock(new Date(to.getTime() + 3_600_000));
const { data: invoices } = await client.invoices.findAllInvoices({ external_customer_id: name("customer") });
assert.equal(invoices.meta.total_count, 1);
assert.equal(invoices.invoices[0].total_amount_cents, 18_720);
const { data: own } = await client.customers.findAllCustomerInvoices(name("customer"));
assert.deepEqual(own.invoices.map((i) => i.lago_id), invoices.invoices.map((i) => i.lago_id));
const { data: invoice } = await client.invoices.findInvoice(invoices.invoices[0].lago_id);
assert.equal(invoice.invoice.status, "finalized");
assert.equal(invoice.invoice.issuing_date, iso(to).slice(0, 10));
assert.equal(invoice.invoice.fees_amount_cents, 18_720);
assert.equal(invoice.invoice.customer.external_id, name("customer"));
assert.deepEqual(invoice.invoice.subscriptions.map((s) => s.external_id), [name("sub")]);
step(`invoice ${invoice.invoice.number}: 187.20`);

const { data: fees } = await client.fees.findAllFees({ external_customer_id: name("customer") });
assert.equal(fees.meta.total_count, 4);
const amounts = (list) => list.map((fee) => [fee.item.type, fee.units, fee.amount_cents]).sort((a, b) => a[2] - b[2]);
const expected = [["charge", "4.0", 20], ["subscription", "1.0", 1_000], ["charge", "230.0", 5_000], ["charge", "230.0", 12_700]];
assert.deepEqual(amounts(fees.fees), expected);
assert.deepEqual(amounts(invoice.invoice.fees), expected);
const { data: fee } = await client.fees.findFee(fees.fees[0].lago_id);
const { weir: how, ...alone } = fee.fee; // by itself it also says how it came about
assert.ok(how);
assert.deepEqual(alone, fees.fees[0]);
step("fees: the base fee and one for each charge, equal to the usage that was shown");

const { data: next } = await client.customers.findCustomerCurrentUsage(name("customer"), { external_subscription_id: name("sub") });
assert.equal(next.customer_usage.from_datetime, iso(to));
assert.deepEqual(next.customer_usage.charges_usage.map((charge) => charge.events_count), [0, 0, 0]);
step("the next month begins with nothing used");

// What there is of metering besides: usage that was, will be and has been in all; what an
// expression gives; a metric that is changed covers the past, and takes its charges with it.
const asked = { external_subscription_id: name("sub") };
const { data: past } = await client.customers.findAllCustomerPastUsage(name("customer"), asked);
assert.equal(past.usage_periods.length, 1);
assert.deepEqual(past.usage_periods[0].charges_usage.map((charge) => charge.amount_cents), [20, 12_700, 5_000]);
assert.equal(past.usage_periods[0].lago_invoice_id, invoice.invoice.lago_id);
const { data: lifetime } = await client.subscriptions.getSubscriptionLifetimeUsage(name("sub"));
assert.equal(lifetime.lifetime_usage.invoiced_usage_amount_cents, 17_720);
const { data: projected } = await client.customers.findCustomerProjectedUsage(name("customer"), asked);
assert.equal(projected.customer_projected_usage.charges_usage.length, 3);
step("past usage, lifetime usage, projected usage");

const { data: evaluated } = await client.billableMetrics.evaluateBillableMetricExpression({
  expression: "round(event.properties.bytes / 1024)", event: { code: "x", timestamp: 1_700_000_000, properties: { bytes: 10_000 } },
});
assert.equal(Number(evaluated.expression_result.value), 10);
await client.events.createEvent({ event: {
  transaction_id: name("next"), external_subscription_id: name("sub"), code: name("tokens"),
  timestamp: Math.floor(to.getTime() / 1000) + 3_600, properties: { tokens: 7, factor: 3 },
} });
const tokensUsed = (units) => eventually(
  () => client.customers.findCustomerCurrentUsage(name("customer"), asked),
  ({ data }) => assert.equal(data.customer_usage.charges_usage[1].units, units),
);
await tokensUsed("7.0");
const { data: changed } = await client.billableMetrics.updateBillableMetric(name("tokens"), {
  billable_metric: { expression: "event.properties.tokens * event.properties.factor", field_name: "product" },
});
assert.equal(changed.billable_metric.expression, "event.properties.tokens * event.properties.factor");
await tokensUsed("21.0");
const { data: kept } = await client.invoices.findInvoice(invoice.invoice.lago_id);
assert.deepEqual(kept.invoice.fees, invoice.invoice.fees);
await client.billableMetrics.destroyBillableMetric(name("calls"));
const { data: without } = await client.customers.findCustomerCurrentUsage(name("customer"), asked);
assert.deepEqual(without.customer_usage.charges_usage.map((charge) => charge.billable_metric.code), [name("tokens"), name("tokens")]);
step("a metric that is changed covers the open period, and no invoice; one that is deleted takes its charges with it");

// A subscription that begins later is changed, moved and cancelled; one that runs gets an end, and loses it.
const later = new Date(to.getTime() + 40 * 86_400_000);
const { data: waiting } = await client.subscriptions.createSubscription({
  subscription: {
    external_customer_id: name("customer"), plan_code: name("plan"), external_id: name("later"), subscription_at: iso(later),
    purchase_order_number: "PO-1", consolidate_invoice: false,
  },
});
assert.deepEqual([waiting.subscription.status, waiting.subscription.purchase_order_number, waiting.subscription.consolidate_invoice],
  ["pending", "PO-1", false]);
const { data: told } = await client.subscriptions.updateSubscription(name("later"), {
  status: "pending", subscription: { name: "Later", purchase_order_number: null },
});
assert.deepEqual([told.subscription.name, told.subscription.purchase_order_number, told.subscription.status], ["Later", null, "pending"]);
const { data: begun } = await client.subscriptions.updateSubscription(name("later"),
  { subscription: { subscription_at: iso(to) } }, { status: "pending" });
assert.deepEqual([begun.subscription.status, begun.subscription.lago_id], ["active", waiting.subscription.lago_id]);
await client.subscriptions.createSubscription({
  subscription: { external_customer_id: name("customer"), plan_code: name("plan"), external_id: name("never"), subscription_at: iso(later) },
});
const { data: canceled } = await client.subscriptions.destroySubscription(name("never"), { status: "pending" });
assert.equal(canceled.subscription.status, "canceled");
const end = (ending_at) => client.subscriptions.updateSubscription(name("sub"), { subscription: { ending_at } });
assert.equal((await end(iso(later))).data.subscription.ending_at, iso(later));
assert.equal((await end(null)).data.subscription.ending_at, null);
assert.deepEqual((await refused(end(iso(from)))).error_details, { ending_at: ["invalid_date"] });
assert.equal((await refused(client.subscriptions.updateSubscription(name("never"), { subscription: { name: "x" } }))).code, "subscription_not_found");
step("subscriptions: renamed, moved to now, cancelled; an end set and taken away");

const { data: ended } = await client.subscriptions.destroySubscription(name("sub"));
assert.equal(ended.subscription.status, "terminated");
const gone = await refused(client.subscriptions.findSubscription(name("sub")));
assert.equal(gone.status, 404);
assert.equal(gone.code, "subscription_not_found");
step("subscription ended");

// A plan that is deleted ends what is on it, with an invoice: of one of the month's days of
// 10.00, and 5.00 that the first tier costs without any units.
const { data: deleted } = await client.plans.destroyPlan(name("plan"));
assert.deepEqual([deleted.plan.code, deleted.plan.pending_deletion], [name("plan"), false]);
assert.equal((await refused(client.plans.findPlan(name("plan")))).code, "plan_not_found");
const { data: over } = await client.subscriptions.findSubscription(name("later"), { status: "terminated" });
assert.equal(over.subscription.plan_code, name("plan"));
const { data: last } = await client.invoices.findAllInvoices({ external_customer_id: name("customer") });
assert.equal(last.invoices.length, 3);
const days = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate();
assert.ok(last.invoices.some((one) => one.total_amount_cents === Math.round(1000 / days) + 500));
step("plan deleted, and its subscription ended with its final invoice");

console.log("ok");
