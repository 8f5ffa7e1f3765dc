// Package postgres keeps what weir knows of customers and money, in PostgreSQL, and
// runs that PostgreSQL itself where none is given. It is the only package that speaks
// SQL. One file per noun, as in package billing; each statement is a constant beside
// the one function that runs it.
//
//	embedded.go running.go cluster.go child.go orphan.go …             the supervised child
//	migrate.go migrations/                                             the schema
//	db.go read.go page.go error.go metrics.go                          what all nouns share
//	organization.go api_key.go billable_metric.go                      what is metered, and for whom
//	plan.go plan_parts.go check_plan.go charge.go fixed_charge.go …    what is sold
//	plan_deletion.go                                                   what ends with a plan
//	add_on.go pricing_unit.go tax.go applied_tax.go                    what plans refer to
//	customer.go subscription.go invoice.go fee.go                      to whom, and what they owe
//	invoiced_usage.go                                                  what was billed for usage, and by what evidence
//	claim.go write_invoice.go invoice_rows.go                          one invoice's way
//	one_off.go document_tax.go true_up.go priced_evidence.go           invoices without a claim, and what fees and invoices have besides
//	catalog.go organization_catalog.go partition.go settings.go        what processes tell each other
//	running_subscription.go recent.go                                  what questions about usage need, and its memory
//	pgtest/                                                            a database for each test
//
// # Invariants
//
//   - Nothing is found outside the organization that is asked for: every statement
//     names it, and foreign keys include it, so that a row can't refer to another's.
//   - An invoice, its fees, its evidence, its number, the advance of its subscriptions
//     and the outbox are one transaction. A subscription advances by compare-and-set
//     from where the billing began; if it stands elsewhere nothing is written.
//     (The lease on the customer only saves work. Correctness is the comparison.)
//   - A customer's invoices are numbered 1, 2, 3 … without a gap, under its row lock, those
//     of the biller and one-off ones together.
//   - Numbers go in and out as decimals, never as floats. Instants are kept to the
//     microsecond; what a write returns is what a read will return.
//   - A change of metrics, plans, add-ons, taxes or pricing units locks the organization
//     first and raises its catalog version, so that whoever reads version n has every change
//     up to n.
//   - A plan is read with all its parts in one state. They are checked once more under the
//     catalog's lock before they are written, because what they refer to may have changed
//     since the caller read it.
//   - What fees and evidence refer to is deleted by mark, and does not change: a filter with
//     other values is another row. Taxes stand on fees as they were.
//   - A deleted tax is on nothing. A customer's taxes are written without the catalog's lock,
//     so that who reads them, by join or by id, leaves out what is not a live tax.
//   - Units of fixed charges are only added to: what a period is billed for depends on when
//     they were set.
//   - A metric that can't be metered is left out of the catalog with a line in the log.
//     Whoever asks for its usage gets an error; all others are counted on.
//   - The clock is an argument. Leases live by the system's, all else by the
//     organization's, which may be a test clock.
//   - A text that PostgreSQL can't hold (U+0000, invalid UTF-8) is not found on
//     reading. Package api refuses it on writing.
//
// # What is remembered
//
// A question about current usage took fifteen round trips. RunningSubscription takes one, and
// RecentRunningSubscription mostly none: it remembers rows (recent.go). What this DB writes
// is forgotten before the writer returns. For what others write, triggers keep in each row the
// transaction that changed it last, and while somebody asks, a look every quarter of a second
// reads the rows of transactions that had not ended in the snapshot of the look before. Nothing
// is believed whose last look began RecentAgeMax ago. A row that is not there brings some of those behind it
// (recent_neighbour.go). It could have been done otherwise:
//
//   - NOTIFY takes one lock for the whole server from before the commit until after it: bill
//     runs and imports would write one transaction at a time. It stays for the catalog, which changes seldom.
//   - A counter for each organization would do the same to the organization.
//   - A look by each request costs a round trip: 0.1 ms of processor time, and under load
//     several milliseconds at the 99th percentile, where the target is one.
//
// Row locks are FOR NO KEY UPDATE: FOR UPDATE would also wait for every insert that
// only refers to the row. They are taken from the customer or the plan to its subscriptions
// and, among those, in the order of their ids; nobody takes both a customer's and a plan's. A plan
// that is changed or deleted is locked FOR UPDATE all the same, for whoever subscribes to it.
//
// # The supervised child
//
// StartEmbedded runs the system's own PostgreSQL on a private directory, behind a Unix
// socket that only the same user and root can open. The directory has a lock file of
// ours, which the kernel releases when we die; whoever holds it may take every process
// that works in the data directory for an orphan and end it. The cluster is made aside
// and renamed, so that it is there whole or not at all.
//
// # What has gone wrong here
//
//   - initdb was killed with its parent, and the next start failed to remove its
//     directory ("directory not empty"): a bootstrap process was still writing. Removal
//     now ends what works there and tries until it is gone.
//   - postmaster.pid names a process id. After kill -9 that may be a zombie that nobody
//     reaps (containers without an init), or another program by then; PostgreSQL takes
//     either for its predecessor and refuses to start. So we look at what the process
//     does, and remove the file.
//   - The signal that the kernel sends a child when its parent dies is tied to the
//     thread that started the child: a Go runtime that retires the thread ends the
//     server. Start and Wait share one goroutine that is locked to its thread.
//   - As root, t.TempDir() can't hold the data: PostgreSQL runs as another user, who
//     may not pass through it. CheckDir says so beforehand.
//   - jsonb refuses U+0000, which is a valid string in an event's property and so in a
//     pricing group: one such event would have kept its customer from ever being
//     invoiced. What events can put into a column is json.
//   - Looks began at the oldest transaction that was under way at the last one. A long one, of
//     any database on the server, made all that had changed since be forgotten with every look.
//   - A plan was read in four queries of their own. With charges that can be changed, one in
//     between gave a standard charge filters with package prices, which no one could price.
package postgres
