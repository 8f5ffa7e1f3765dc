package billing

import (
	"errors"
	"sort"
	"strings"
)

// Codes of Lago's validation vocabulary (error_details values) that we answer with.
const (
	CodeMandatory       = "value_is_mandatory"
	CodeAlreadyExist    = "value_already_exist"
	CodeInvalid         = "value_is_invalid"
	CodeOutOfRange      = "value_is_out_of_range"
	CodeTooLong         = "value_is_too_long"
	CodeInvalidFormat   = "invalid_format"
	CodeInvalidDate     = "invalid_date"
	CodeInvalidTimezone = "invalid_timezone"
	CodeInvalidCurrency = "value_is_invalid"
	CodeInvalidCount    = "invalid_count"
	CodeInvalidAmount   = "invalid_amount"

	CodeMissingGraduatedRanges = "missing_graduated_ranges"
	CodeInvalidGraduatedRanges = "invalid_graduated_ranges"
	CodeMissingVolumeRanges    = "missing_volume_ranges"
	CodeInvalidVolumeRanges    = "invalid_volume_ranges"
	CodeInvalidPackageSize     = "invalid_package_size"
	CodeInvalidFreeUnits       = "invalid_free_units"
	CodeInvalidChargeModel     = "invalid_charge_model"
	CodeIncompatibleModel      = "invalid_aggregation_type_or_charge_model"
	CodeIncompatibleMetric     = "invalid_billable_metric_or_charge_model"
	CodeIncompatible           = "not_compatible_with_aggregation_type"
	CodeInvalidExpression      = "invalid_expression"
	CodeMustBeBlank            = "value_must_be_blank"
	CodeCurrenciesDiffer       = "currencies_does_not_match"
	CodeAttached               = "attached_to_plan_or_subscription"
	CodeNotSupported           = "not_supported_yet" // ours: Lago takes it, this version does not

	CodeInvalidRate                         = "invalid_rate"
	CodeInvalidFixedAmount                  = "invalid_fixed_amount"
	CodeInvalidFreeUnitsPerEvents           = "invalid_free_units_per_events"
	CodeInvalidFreeUnitsPerTotalAggregation = "invalid_free_units_per_total_aggregation"
	CodeTransactionMaxLowerThanMin          = "per_transaction_max_lower_than_per_transaction_min"
	CodeMissingGraduatedPercentageRanges    = "missing_graduated_percentage_ranges"
	CodeInvalidGraduatedPercentageRanges    = "invalid_graduated_percentage_ranges"
	CodeInvoiceableUnlessPayInAdvance       = "must_be_true_unless_pay_in_advance"
	CodePayInAdvanceNotInvoiceable          = "only_compatible_with_pay_in_advance_and_non_invoiceable"
)

// ErrorKind says which family an Error belongs to; package api turns it into a status.
type ErrorKind uint8

// The kinds of errors that are the caller's.
const (
	KindBadRequest ErrorKind = iota + 1 // 400: not the JSON we take; Code says what, for people
	KindNotFound                        // 404: Code is "<resource>_not_found"
	KindNotAllowed                      // 405: the state forbids it; Code says why
	KindValidation                      // 422: Fields says what is wrong where
)

// Error is a fault of the caller's. Everything else that goes wrong is an ordinary error.
type Error struct {
	Kind   ErrorKind
	Code   string
	Fields map[string][]string // by field, Lago's codes; only for KindValidation
}

func (e *Error) Error() string {
	if e.Kind != KindValidation {
		return e.Code
	}
	names := make([]string, 0, len(e.Fields))
	for name := range e.Fields {
		names = append(names, name)
	}
	sort.Strings(names)
	parts := make([]string, 0, len(names))
	for _, name := range names {
		parts = append(parts, name+": "+strings.Join(e.Fields[name], ", "))
	}
	return strings.Join(parts, "; ")
}

// NotFound returns the error for a resource that does not exist: NotFound("plan") is plan_not_found.
func NotFound(resource string) *Error {
	return &Error{Kind: KindNotFound, Code: resource + "_not_found"}
}

// NotAllowed returns the error for an action that the current state forbids.
func NotAllowed(code string) *Error { return &Error{Kind: KindNotAllowed, Code: code} }

// BadRequest returns the error for a request that is not what we take.
func BadRequest(detail string) *Error { return &Error{Kind: KindBadRequest, Code: detail} }

// Invalid returns a validation error of one field.
func Invalid(field string, codes ...string) *Error {
	return &Error{Kind: KindValidation, Fields: map[string][]string{field: codes}}
}

// Faults collects validation errors, so that a caller learns of all of them at once.
type Faults map[string][]string

// Add records a fault of a field.
func (f *Faults) Add(field, code string) {
	if *f == nil {
		*f = Faults{}
	}
	(*f)[field] = append((*f)[field], code)
}

// Err returns the faults as an error, nil if there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: KindValidation, Fields: f}
}

// IsNotFound reports whether err says that something does not exist.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == KindNotFound
}
