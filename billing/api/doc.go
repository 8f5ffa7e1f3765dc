// Package api is the management API: Lago's REST routes over net/http, all but the
// writing of events, which package intake serves. One file for each noun.
//
// A client of Lago must not see a difference: wrappers, member names, what is null,
// how decimals and instants are printed, the shapes and codes of refusals and the
// status 200 on creation are Lago's. Members that weir adds have names of their own:
// message and request_id in refusals, weir in events.
//
// # Invariants
//
//   - Every query names the organization of the request's key. Another
//     organization's ids are not found, exactly like ids that do not exist.
//   - A request is refused with all its faults at once, and a refused request leaves
//     nothing behind. The fault of a nested member is named by its path, with the
//     index where it stands in a list: charges.1.properties.amount.
//   - Where Lago would act on a member and this version would not, and money or what
//     is shown would be wrong, it is refused as not_supported_yet. Members that Lago
//     does not know are ignored.
//   - Faults of ours say nothing to the outside but the id of the request, under
//     which the log has them.
//   - now is the organization's clock: a test clock's where one is set.
//   - Usage is priced by billing.PriceCharge with the definitions of postgres, which
//     are those that the aggregators count by: the same function and the same
//     definitions make the invoice.
//
// # Where it differs from Lago
//
// Texts are bounded (255 bytes, descriptions 4 KiB) and have no NUL. Texts must be
// JSON strings; whole numbers and booleans may also be their text. Pages have at most
// 1,000 entries, and only the first million events can be listed. Charges stand in the
// plan's order, also in usage. Lago names what is wrong with any charge of a plan just
// "properties"; here the path says which charge, in the same shape and with the same codes.
//
// A subscription may not begin before an earlier one with the same external_id ended:
// both would bill the events in between. A customer has one currency: its own, or that
// of its first plan. Ending a subscription whose base fee was paid in advance must say
// on_termination_credit_note=skip, since there are no credit notes yet; for the same reason
// it can have an ending_at only on the last day of a period. List filters
// that are not built are refused, not ignored.
//
// # What has gone wrong here
//
//   - A member that is null is there, but says nothing. Asking whether it was there in
//     place of whether it was given let a filter without values through to the
//     database: a 500. has is for clearing by null; everything mandatory asks given.
//   - A change of a customer was checked against an empty one, and a note that named
//     its id alone was refused. A change is checked against what it will change.
//   - Lago creates a customer that a subscription names first. Creating it before
//     everything else was checked left it behind when the subscription was refused.
//   - Filters that are not built were looked for by their bare names, and those by a key,
//     filter_by_group[region]=eu, were ignored: usage of everything was shown for it.
//   - The charges of a running period were summed without looking, and two huge ones made
//     a negative total. billing.TotalCents sums them now, as an invoice is summed.
//   - ?status=pending found a subscription that had begun by the time it was locked, and
//     ended it. What was found is compared again under the lock.
package api
