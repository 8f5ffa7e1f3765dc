package billing

import (
	"time"

	"github.com/google/uuid"
)

// Organization is a tenant: the root of everything else.
type Organization struct {
	ID                   uuid.UUID
	Name                 string
	DefaultCurrency      Currency
	Timezone             string // IANA name
	DocumentNumberPrefix string // of invoice numbers
	NetPaymentTermDays   int
	// TestClock is the instant a sandbox set; nil when the organization lives by the system's clock.
	TestClock *time.Time
	CreatedAt time.Time
}
