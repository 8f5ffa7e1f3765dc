// Lago's own JavaScript client, unchanged, invoices a month with a fee of every kind and taxes,
// and makes one-off invoices.
//
//   WEIR_URL=http://127.0.0.1:3000 WEIR_API_KEY=… node invoices.mjs
//
// The weir must be a sandbox (WEIR_SANDBOX=true). Every run makes things of its own
// and can be repeated against the same weir: its month is the one after the clock's.

import assert from "node:assert/strict";
import { client, eventually, name, refused, step, testClock } from "./session.mjs";

/** Members of an object must be of these kinds: text with a decimal, whole number, number, text. */
function kinds(object, of) {
  for (const [kind, members] of Object.entries(of)) {
    for (const member of members) {
      const value = object[member];
      const right = {
        decimal: () => typeof value === "string" && /^-?\d+\.\d+$/.test(value),
        whole: () => Number.isInteger(value),
        number: () => typeof value === "number",
        text: () => typeof value === "string" && value !== "",
        none: () => value === null,
      }[kind]();
      assert.ok(right, `${member} should be a ${kind}: ${JSON.stringify(value)}`);
    }
  }
}

const before = await testClock();
const start = before ? new Date(before) : new Date("2024-02-29T12:00:00Z");
const from = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1));
const to = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 2, 1));
const iso = (date) => date.toISOString().replace(".000Z", "Z");
await testClock(from);

// What there is to bill, and how it is taxed.
for (const [code, rate] of [["vat", "19"], ["low", "7"]]) {
  await client.taxes.createTax({ tax: { name: code, code: name(code), rate } });
}
await client.addOns.createAddOn({
  add_on: { name: "Seat", code: name("seat"), amount_cents: 500, amount_currency: "USD", tax_codes: [name("low")] },
});
const { data: tokens } = await client.billableMetrics.createBillableMetric({
  billable_metric: { name: "Tokens", code: name("tokens"), aggregation_type: "sum_agg", field_name: "n", recurring: false },
});
const metric = tokens.billable_metric.lago_id;
await client.plans.createPlan({
  plan: {
    name: "Every kind", code: name("plan"), interval: "monthly", amount_cents: 1000, amount_currency: "USD", pay_in_advance: false,
    charges: [
      {
        billable_metric_id: metric, charge_model: "percentage", min_amount_cents: 1000, tax_codes: [name("low")],
        properties: { rate: "2", fixed_amount: "0.50", free_units_per_events: 3, free_units_per_total_aggregation: "100" },
      },
      {
        billable_metric_id: metric, charge_model: "volume",
        properties: { volume_ranges: [
          { from_value: 0, to_value: 100, per_unit_amount: "1", flat_amount: "0" },
          { from_value: 101, to_value: null, per_unit_amount: "0.8", flat_amount: "3" },
        ] },
      },
    ],
    fixed_charges: [{ add_on_code: name("seat"), charge_model: "standard", units: 2, properties: { amount: "5" } }],
    minimum_commitment: { amount_cents: 30_000 },
  },
});
await client.customers.createCustomer({ customer: { external_id: name("customer"), currency: "USD", tax_codes: [name("vat")] } });
await client.subscriptions.createSubscription({
  subscription: { external_customer_id: name("customer"), plan_code: name("plan"), external_id: name("sub"), subscription_at: iso(from) },
});
await client.events.createBatchEvents({ events: [40, 30, 60, 70].map((n, i) => ({
  transaction_id: name(`e-${i}`), external_subscription_id: name("sub"), code: name("tokens"),
  timestamp: from.getTime() / 1000 + 3600 * (i + 1), properties: { n },
})) });
step("a plan of percentage and volume charges, seats and a commitment; a customer with a tax");

// Current usage.
//   percentage  (200 - 100 free) × 2 % + (4 - 2 free) × 0.50 =   3.00, taxed 7 %: 0.21
//   volume      200 × 0.80 + 3.00                            = 163.00, taxed 19 %: 30.97
const asked = { external_subscription_id: name("sub") };
const { data: usage } = await eventually(
  () => client.customers.findCustomerCurrentUsage(name("customer"), asked),
  ({ data }) => assert.deepEqual(data.customer_usage.charges_usage.map((charge) => charge.events_count), [4, 4]),
);
assert.deepEqual(usage.customer_usage.charges_usage.map((charge) => charge.amount_cents), [300, 16_300]);
assert.deepEqual([usage.customer_usage.taxes_amount_cents, usage.customer_usage.total_amount_cents], [3_118, 19_718]);
const { data: untaxed } = await client.customers.findCustomerCurrentUsage(name("customer"), { ...asked, apply_taxes: false });
assert.deepEqual([untaxed.customer_usage.taxes_amount_cents, untaxed.customer_usage.total_amount_cents], [0, 16_600]);
step("current usage: 166.00, and 31.18 tax");

// The month ends.
//   base 10.00 (vat), percentage 3.00 and 7.00 up to its minimum (low), volume 163.00 (vat),
//   seats 10.00 (low, the add-on's own is not a fixed charge's: vat), commitment 300.00 - 193.00 = 107.00 (vat)
await testClock(new Date(to.getTime() + 3_600_000));
const { data: invoices } = await client.invoices.findAllInvoices({ external_customer_id: name("customer") });
assert.equal(invoices.invoices.length, 1);
const { data: { invoice } } = await client.invoices.findInvoice(invoices.invoices[0].lago_id);
const lines = (fees) => fees.map((fee) => [
  fee.item.type, fee.item.item_type, fee.amount_cents, fee.applied_taxes.map((tax) => tax.tax_code).join(),
]);
assert.deepEqual(lines(invoice.fees), [
  ["subscription", "Subscription", 1_000, name("vat")],
  ["charge", "BillableMetric", 300, name("low")],
  ["charge", "BillableMetric", 700, name("low")],
  ["charge", "BillableMetric", 16_300, name("vat")],
  ["fixed_charge", "AddOn", 1_000, name("vat")],
  ["commitment", "Subscription", 10_700, name("vat")],
]);
// vat of 290.00 is 55.10, low of 10.00 is 0.70.
assert.deepEqual(invoice.applied_taxes.map((tax) => [tax.tax_code, tax.tax_rate, tax.amount_cents]),
  [[name("vat"), 19, 5_510], [name("low"), 7, 70]]);
assert.deepEqual([invoice.fees_amount_cents, invoice.taxes_amount_cents, invoice.total_amount_cents], [30_000, 5_580, 35_580]);
assert.equal(invoice.fees[1].lago_true_up_fee_id, invoice.fees[2].lago_id);
assert.equal(invoice.fees[2].lago_true_up_parent_fee_id, invoice.fees[1].lago_id);
assert.equal(invoice.fees[1].amount_details.free_units, "100.0");
assert.equal(invoice.fees[3].amount_details.per_unit_amount, "0.8");
step(`invoice ${invoice.number}: a fee of every kind, and two taxes on their sums`);

// Of what kind each member is.
for (const fee of invoice.fees) {
  kinds(fee, {
    text: ["lago_id", "lago_invoice_id", "lago_customer_id", "external_customer_id", "amount_currency", "payment_status", "created_at"],
    whole: ["amount_cents", "taxes_amount_cents", "total_amount_cents", "events_count", "sub_total_excluding_taxes_amount_cents"],
    number: ["taxes_rate"],
    decimal: ["units", "total_aggregated_units", "precise_amount", "precise_total_amount", "taxes_precise_amount", "precise_unit_amount",
      "precise_coupons_amount_cents", "sub_total_excluding_taxes_precise_amount_cents"],
    none: ["event_transaction_id", "pricing_unit_details", "succeeded_at", "failed_at", "refunded_at"],
  });
  kinds(fee.item, { text: ["type", "code", "name", "invoice_display_name", "lago_item_id", "item_type"] });
  kinds(fee.applied_taxes[0], {
    text: ["lago_id", "lago_tax_id", "tax_name", "tax_code", "amount_currency", "created_at"], whole: ["amount_cents"], number: ["tax_rate"],
  });
}
kinds(invoice.billing_periods[0], {
  text: ["lago_subscription_id", "external_subscription_id", "lago_plan_id", "subscription_from_datetime", "subscription_to_datetime",
    "charges_from_datetime", "charges_to_datetime", "invoicing_reason"],
});
const { data: fixed } = await client.fees.findAllFees({ external_customer_id: name("customer"), fee_type: "fixed_charge" });
assert.deepEqual(lines(fixed.fees), [["fixed_charge", "AddOn", 1_000, name("vat")]]);
const { data: past } = await client.customers.findAllCustomerPastUsage(name("customer"), asked);
assert.deepEqual([past.usage_periods[0].amount_cents, past.usage_periods[0].taxes_amount_cents], [16_600, 3_118]);
step("amounts are whole numbers, rates numbers, everything precise text; usage as it was billed is what was shown");

// One-off invoices.
const { data: { invoice: single } } = await client.invoices.createInvoice({
  invoice: {
    external_customer_id: name("customer"), currency: "USD", fees: [
      { add_on_code: name("seat") },
      { add_on_code: name("seat"), units: 2.5, unit_amount_cents: 333, description: "For the fair", tax_codes: [name("vat")] },
      { add_on_code: name("seat"), units: "2", invoice_display_name: "More", tax_codes: [] },
    ],
  },
});
// 5.00 (the add-on's low: 0.35) + 8.33 (vat: 1.5827) + 10.00
assert.deepEqual([single.invoice_type, single.status, single.fees_amount_cents, single.taxes_amount_cents], ["one_off", "finalized", 2_333, 193]);
assert.deepEqual(single.fees.map((fee) => [fee.lago_subscription_id, fee.external_subscription_id, fee.item.item_type, fee.units]),
  [[null, null, "AddOn", "1.0"], [null, null, "AddOn", "2.5"], [null, null, "AddOn", "2.0"]]);
assert.deepEqual([single.subscriptions, single.billing_periods], [[], []]);
const { data: ones } = await client.invoices.findAllInvoices({ external_customer_id: name("customer"), invoice_type: "one_off" });
assert.deepEqual(ones.invoices.map((one) => one.lago_id), [single.lago_id]);

const create = (change) => refused(client.invoices.createInvoice({
  invoice: { external_customer_id: name("customer"), currency: "USD", fees: [{ add_on_code: name("seat") }], ...change },
}));
assert.equal((await create({ external_customer_id: name("nobody") })).code, "customer_not_found");
assert.equal((await create({ fees: [] })).code, "fees_not_found");
assert.equal((await create({ fees: [{ add_on_code: name("gone") }] })).code, "add_on_not_found");
assert.equal((await create({ fees: [{ add_on_code: name("seat"), tax_codes: [name("none")] }] })).code, "tax_not_found");
assert.deepEqual((await create({ currency: "EUR", fees: [{ add_on_code: name("seat"), unit_amount_cents: 1 }] })).error_details,
  { currency: ["currencies_does_not_match"] });
const { data: after } = await client.invoices.findAllInvoices({ external_customer_id: name("customer") });
assert.equal(after.invoices.length, 2);
step(`one-off invoice ${single.number}; what is refused leaves nothing`);

console.log("ok");
