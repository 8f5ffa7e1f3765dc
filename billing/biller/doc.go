// Package biller makes invoices of what has fallen due.
//
// Any number of billers may run: each claims customers in PostgreSQL with a lease, one
// customer at a time, since all subscriptions of a customer that fall due together go on
// one invoice. Billing is derived state: a tick may be run again at any time, and one that
// died in the middle is repeated by the next.
//
// # One customer's way
//
//	biller.go  Tick, Advance: claims leased customers, each with the subscriptions of its
//	           earliest due date (postgres.ClaimDue), and bills some at a time
//	round.go   billing.NextBill says what falls due for each subscription. What goes on
//	           another invoice than the first (billing.InvoiceKey) is left, and claimed again
//	cut.go     the end X of the partition is read from the log itself, then usage is asked
//	           of the partition's owner at X or later, from a checkpoint, and priced. What was
//	           asked is kept with the invoice, so that it can be asked again. Where a minimum
//	           commitment is settled, what earlier invoices have billed of it is read, too
//	round.go   billing.Assemble makes the invoice, postgres.WriteInvoice writes it with its
//	           evidence and the subscriptions' advances
//	failures.go  what happens to a customer for whom one of these failed
//
// # Invariants
//
//   - The cut is taken after the period's end and the billing delay, and from the log: what
//     was acknowledged before is in it, whoever owns the partition and however far behind.
//   - What makes a second biller or a crash repeat and never double is the advances: they
//     compare each subscription with what the bill was made from, in the transaction that
//     writes the invoice. Leases only save work.
//   - A customer that fails waits, longer each time, and holds up no other.
//   - In a sandbox everything happens at the instant it is due, in order of time.
//
// # What has gone wrong here
//
//   - Usage was asked for one subscription after another. Each answer waits for the next
//     checkpoint of its partition, so a customer with subscriptions in many partitions ran
//     into its time limit, in every tick again. Several are asked for at once now.
//   - A customer that had failed was postponed, and when its organization's test clock was
//     set then, the call waited up to ten minutes for it. Who names an organization waits
//     for leases only.
package biller
