// Lago's own JavaScript client, unchanged, makes, changes, reads and deletes what plans are
// made of: taxes, add-ons, plans with all their parts, and each part by its own route.
//
//   WEIR_URL=http://127.0.0.1:3000 WEIR_API_KEY=… node catalog.mjs
//
// Every run makes things of its own and can be repeated against the same weir.

import assert from "node:assert/strict";
import { client, name, refused, step } from "./session.mjs";

const codes = (list) => list.map((one) => one.code);

/** A call must be refused as not found, with the code. */
async function missing(call, code) {
  const refusal = await refused(call);
  assert.equal(refusal.status, 404);
  assert.equal(refusal.code, code);
}

// Taxes.
const { data: vat } = await client.taxes.createTax({
  tax: { name: "VAT", code: name("vat"), rate: "19.5", description: "Value added", applied_to_organization: false },
});
assert.equal(vat.tax.rate, 19.5);
const { data: city } = await client.taxes.createTax({ tax: { name: "City", code: name("city"), rate: "2" } });
assert.equal(city.tax.applied_to_organization, false);
const { data: raised } = await client.taxes.updateTax(name("city"), { tax: { rate: "2.5" } });
assert.deepEqual([raised.tax.rate, raised.tax.name], [2.5, "City"]);
const { data: found } = await client.taxes.findTax(name("vat"));
assert.deepEqual(found, vat);
const { data: taxes } = await client.taxes.findAllTaxes({ page: 1, per_page: 2 });
assert.deepEqual(codes(taxes.taxes).sort(), [name("city"), name("vat")]);
const rate = await refused(client.taxes.createTax({ tax: { name: "Bad", code: name("vat"), rate: "-1" } }));
assert.deepEqual(rate.error_details, { rate: ["value_is_out_of_range"] });
const taken = await refused(client.taxes.createTax({ tax: { name: "Again", code: name("vat"), rate: "1" } }));
assert.deepEqual(taken.error_details, { code: ["value_already_exist"] });
step("taxes: made, changed, found, listed; a rate is a number, a code is taken only once");

// Add-ons.
const { data: seats } = await client.addOns.createAddOn({
  add_on: { name: "Seats", code: name("seats"), amount_cents: 500, amount_currency: "USD", tax_codes: [name("vat")] },
});
assert.deepEqual(codes(seats.add_on.taxes), [name("vat")]);
await client.addOns.createAddOn({ add_on: { name: "Setup", code: name("setup"), amount_cents: 50_000, amount_currency: "USD" } });
const { data: priced } = await client.addOns.updateAddOn(name("seats"), { add_on: { amount_cents: 600, description: "By the piece" } });
assert.deepEqual([priced.add_on.amount_cents, priced.add_on.name], [600, "Seats"]);
const { data: addOn } = await client.addOns.findAddOn(name("seats"));
assert.deepEqual(addOn, priced);
const { data: addOns } = await client.addOns.findAllAddOns({ per_page: 2 });
assert.deepEqual(codes(addOns.add_ons).sort(), [name("seats"), name("setup")]);
step("add-ons: made with their taxes, changed, found, listed");

// A plan with everything.
const { data: calls } = await client.billableMetrics.createBillableMetric({
  billable_metric: {
    name: "Calls", code: name("calls"), aggregation_type: "count_agg", recurring: false,
    filters: [{ key: "region", values: ["eu", "us"] }, { key: "tier", values: ["gold"] }],
  },
});
const metric = calls.billable_metric.lago_id;
const tiers = [
  { from_value: 0, to_value: 10, per_unit_amount: "2", flat_amount: "0" },
  { from_value: 11, to_value: null, per_unit_amount: "1", flat_amount: "5" },
];
const plan = name("plan");
const { data: whole } = await client.plans.createPlan({
  plan: {
    name: "Whole", code: plan, interval: "yearly", amount_cents: 12_000, amount_currency: "USD", pay_in_advance: false,
    trial_period: 7.5, bill_charges_monthly: true, bill_fixed_charges_monthly: null, tax_codes: [name("vat")],
    invoice_display_name: "Shown", description: "Told", metadata: { crm: "42", owner: null },
    minimum_commitment: { amount_cents: 100_000, invoice_display_name: "Least", tax_codes: [name("city")] },
    charges: [{
      billable_metric_id: metric, charge_model: "graduated", min_amount_cents: 100, tax_codes: [name("city")],
      properties: { graduated_ranges: tiers },
    }],
    fixed_charges: [
      { add_on_id: seats.add_on.lago_id, charge_model: "volume", units: 2.5, prorated: true, properties: { volume_ranges: tiers } },
      { add_on_id: seats.add_on.lago_id, charge_model: "standard", units: 3, pay_in_advance: true, properties: { amount: "5" }, tax_codes: [name("city")] },
    ],
  },
});
assert.equal(whole.plan.trial_period, 7.5);
assert.deepEqual([whole.plan.bill_charges_monthly, whole.plan.bill_fixed_charges_monthly], [true, false]);
assert.deepEqual(whole.plan.metadata, { crm: "42", owner: null });
assert.equal(whole.plan.minimum_commitment.amount_cents, 100_000);
assert.deepEqual(codes(whole.plan.minimum_commitment.taxes), [name("city")]);
assert.deepEqual(codes(whole.plan.taxes), [name("vat")]);
assert.equal(whole.plan.charges[0].min_amount_cents, 100);
assert.deepEqual(whole.plan.fixed_charges.map((one) => [one.code, one.units, one.pay_in_advance, one.prorated]),
  [[name("seats"), 2.5, false, true], [`${name("seats")}_2`, 3, true, false]]);
const { data: read } = await client.plans.findPlan(plan);
assert.deepEqual(read, whole);
const { data: changed } = await client.plans.updatePlan(plan, {
  plan: { interval: "monthly", minimum_commitment: {}, trial_period: 0, tax_codes: [], cascade_updates: true },
});
assert.deepEqual([changed.plan.bill_charges_monthly, changed.plan.minimum_commitment, changed.plan.taxes], [null, null, []]);
assert.deepEqual(changed.plan.fixed_charges, whole.plan.fixed_charges);
step("a plan: trial, monthly usage, commitment, taxes, metadata, charges and fixed charges; read as made; changed");

// Its metadata.
const { data: replaced } = await client.plans.replacePlanMetadata(plan, { metadata: { a: "1", b: "2" } });
assert.deepEqual(replaced.metadata, { a: "1", b: "2" });
const { data: merged } = await client.plans.mergePlanMetadata(plan, { metadata: { b: null, c: "3" } });
assert.deepEqual(merged.metadata, { a: "1", b: null, c: "3" });
const { data: less } = await client.plans.deletePlanMetadataKey(plan, "b");
assert.deepEqual(less.metadata, { a: "1", c: "3" });
const { data: none } = await client.plans.deleteAllPlanMetadata(plan);
assert.equal(none.metadata, null);
await missing(client.plans.deletePlanMetadataKey(plan, "a"), "metadata_not_found");
step("metadata: replaced, merged, deleted key by key and whole");

// Its charges, one by one.
const { data: charge } = await client.plans.createPlanCharge(plan, {
  charge: { billable_metric_id: metric, code: "extra calls", charge_model: "standard", properties: { amount: "0.10" } },
});
assert.equal(charge.charge.billable_metric_code, name("calls"));
const { data: dearer } = await client.plans.updatePlanCharge(plan, "extra calls", {
  charge: { properties: { amount: "0.20" }, invoice_display_name: "Extra", cascade_updates: true },
});
assert.deepEqual([dearer.charge.lago_id, dearer.charge.properties.amount], [charge.charge.lago_id, "0.20"]);
const { data: charges } = await client.plans.findAllPlanCharges(plan, { per_page: 10 });
assert.deepEqual(codes(charges.charges), [name("calls"), "extra calls"]);
const double = await refused(client.plans.createPlanCharge(plan, {
  charge: { billable_metric_id: metric, code: "extra calls", charge_model: "standard", properties: { amount: 1 } },
}));
assert.deepEqual(double.error_details, { code: ["value_already_exist"], "properties.amount": ["invalid_amount"] });
const { data: filter } = await client.plans.createPlanChargeFilter(plan, "extra calls", {
  filter: { values: { region: ["eu"] }, properties: { amount: "0.30" }, invoice_display_name: "Europe" },
});
assert.equal(filter.filter.charge_code, "extra calls");
const { data: same } = await client.plans.updatePlanChargeFilter(plan, "extra calls", filter.filter.lago_id, {
  filter: { properties: { amount: "0.40" } },
});
assert.deepEqual([same.filter.lago_id, same.filter.properties.amount], [filter.filter.lago_id, "0.40"]);
const { data: one } = await client.plans.findPlanChargeFilter(plan, "extra calls", filter.filter.lago_id);
assert.deepEqual(one, same);
const { data: filters } = await client.plans.findAllPlanChargeFilters(plan, "extra calls");
assert.deepEqual(filters.filters, [same.filter]);
assert.equal(filters.meta.total_count, 1);
await client.plans.destroyPlanChargeFilter(plan, "extra calls", filter.filter.lago_id, { filter: { cascade_updates: false } });
await missing(client.plans.findPlanChargeFilter(plan, "extra calls", filter.filter.lago_id), "charge_filter_not_found");
await client.plans.destroyPlanCharge(plan, "extra calls", { charge: { cascade_updates: false } });
await missing(client.plans.findPlanCharge(plan, "extra calls"), "charge_not_found");
step("charges and their filters by their own routes");

// Its fixed charges, one by one.
const { data: setup } = await client.plans.createPlanFixedCharge(plan, {
  fixed_charge: { add_on_code: name("setup"), charge_model: "standard", units: "1.5", properties: { amount: "100" } },
});
assert.deepEqual([setup.fixed_charge.code, setup.fixed_charge.units], [name("setup"), 1.5]);
const { data: more } = await client.plans.updatePlanFixedCharge(plan, name("setup"), {
  fixed_charge: { units: "2", apply_units_immediately: true },
});
assert.equal(more.fixed_charge.units, 2);
const { data: fixed } = await client.plans.findPlanFixedCharge(plan, name("setup"));
assert.deepEqual(fixed, more);
const { data: all } = await client.plans.findAllPlanFixedCharges(plan, { page: 2, per_page: 2 });
assert.deepEqual(codes(all.fixed_charges), [name("setup")]);
const volume = await refused(client.plans.createPlanFixedCharge(plan, {
  fixed_charge: { add_on_code: name("setup"), charge_model: "volume", pay_in_advance: true, properties: { volume_ranges: tiers } },
}));
assert.deepEqual(volume.error_details, { pay_in_advance: ["invalid_charge_model"] });
await missing(client.plans.createPlanFixedCharge(plan, { fixed_charge: { add_on_code: "none", charge_model: "standard" } }), "add_on_not_found");
await client.plans.destroyPlanFixedCharge(plan, name("setup"), { fixed_charge: { cascade_updates: false } });
await missing(client.plans.findPlanFixedCharge(plan, name("setup")), "fixed_charge_not_found");
step("fixed charges by their own routes");

// A customer's taxes; what is deleted is gone from everything.
const { data: customer } = await client.customers.createCustomer({
  customer: { external_id: name("customer"), name: "Acme", tax_codes: [name("vat"), name("city")] },
});
assert.deepEqual(codes(customer.customer.taxes), [name("vat"), name("city")]);
await client.taxes.destroyTax(name("city"));
const { data: left } = await client.customers.findCustomer(name("customer"));
assert.deepEqual(codes(left.customer.taxes), [name("vat")]);
await missing(client.customers.createCustomer({ customer: { external_id: name("customer"), tax_codes: [name("city")] } }), "tax_not_found");
await client.addOns.destroyAddOn(name("seats"));
const { data: bare } = await client.plans.findPlan(plan);
assert.deepEqual(bare.plan.fixed_charges, []);
assert.deepEqual(bare.plan.charges[0].taxes, []);
step("a deleted tax is on nothing any more, a deleted add-on on no plan");

console.log("ok");
