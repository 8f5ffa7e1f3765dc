package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"weir/billing"
)

// metadataObject is Lago's CustomerMetadata.
type metadataObject struct {
	LagoID           uuid.UUID `json:"lago_id"`
	Key              string    `json:"key"`
	Value            string    `json:"value"`
	DisplayInInvoice bool      `json:"display_in_invoice"`
	CreatedAt        string    `json:"created_at"`
}

func metadataOf(m *billing.CustomerMetadata) metadataObject {
	return metadataObject{m.ID, m.Key, m.Value, m.DisplayInInvoice, stamp(m.CreatedAt)}
}

// readMetadata replaces the customer's notes by those of the form: one that names
// its id stays the same note, one that is not listed is gone.
func readMetadata(f form, c *billing.Customer, now time.Time) {
	if !f.has("metadata") {
		return
	}
	var notes []billing.CustomerMetadata
	for _, o := range f.objects("metadata", metadataMax) {
		note := billing.CustomerMetadata{ID: newID(), CreatedAt: now}
		id, _ := o.uuid("id")
		if i := slices.IndexFunc(c.Metadata, func(m billing.CustomerMetadata) bool { return m.ID == id }); i >= 0 {
			note = c.Metadata[i]
		}
		o.into(&note.Key, "key", textBytesMax)
		o.into(&note.Value, "value", descriptionBytesMax)
		if display, ok := o.boolean("display_in_invoice"); ok {
			note.DisplayInInvoice = display
		}
		checkNote(o, note)
		notes = append(notes, note)
	}
	c.Metadata = notes
}

func checkNote(f form, note billing.CustomerMetadata) {
	if strings.TrimSpace(note.Key) == "" {
		f.fault("key", billing.CodeMandatory)
	}
	if utf8.RuneCountInString(note.Key) > metadataKeyCharsMax {
		f.overLimit("key", billing.CodeTooLong, fmt.Sprintf("at most %d characters", metadataKeyCharsMax))
	}
	if utf8.RuneCountInString(note.Value) > metadataValueCharsMax {
		f.overLimit("value", billing.CodeTooLong, fmt.Sprintf("at most %d characters", metadataValueCharsMax))
	}
}
