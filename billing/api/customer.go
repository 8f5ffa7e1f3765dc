package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

// Limits of a customer.
const (
	metadataMax           = 5    // notes on one customer
	metadataKeyCharsMax   = 20   // characters
	metadataValueCharsMax = 100  // characters
	emailBytesMax         = 1024 // several, separated by commas
	paymentTermDaysMax    = 3650
)

// Codes of a customer's faults.
const (
	codeInvalidEmail   = "invalid_email_format"
	codeInvalidCountry = "not_a_valid_country_code"
	codeOtherCurrency  = "currencies_does_not_match"
)

// billingEntityDefault is the code of the one billing entity that an organization has here.
const billingEntityDefault = "default"

// customerObject is Lago's CustomerObjectExtended.
type customerObject struct {
	LagoID                          uuid.UUID `json:"lago_id"`
	BillingEntityCode               string    `json:"billing_entity_code"`
	ExternalID                      string    `json:"external_id"`
	AccountType                     string    `json:"account_type"`
	Name                            *string   `json:"name"`
	Firstname                       *string   `json:"firstname"`
	Lastname                        *string   `json:"lastname"`
	CustomerType                    *string   `json:"customer_type"`
	SequentialID                    int64     `json:"sequential_id"`
	Slug                            string    `json:"slug"`
	CreatedAt                       string    `json:"created_at"`
	UpdatedAt                       string    `json:"updated_at"`
	addressObject                   `json:",inline"`
	Email                           *string              `json:"email"`
	URL                             *string              `json:"url"`
	Phone                           *string              `json:"phone"`
	LogoURL                         *string              `json:"logo_url"`
	LegalName                       *string              `json:"legal_name"`
	LegalNumber                     *string              `json:"legal_number"`
	Currency                        *string              `json:"currency"`
	TaxIdentificationNumber         *string              `json:"tax_identification_number"`
	Timezone                        *string              `json:"timezone"`
	ApplicableTimezone              string               `json:"applicable_timezone"`
	NetPaymentTerm                  *int                 `json:"net_payment_term"`
	ExternalSalesforceID            *string              `json:"external_salesforce_id"`
	FinalizeZeroAmountInvoice       string               `json:"finalize_zero_amount_invoice"`
	SkipInvoiceCustomSections       bool                 `json:"skip_invoice_custom_sections"`
	BillingConfiguration            billingConfiguration `json:"billing_configuration"`
	ShippingAddress                 addressObject        `json:"shipping_address"`
	Metadata                        []metadataObject     `json:"metadata"`
	Taxes                           []taxObject          `json:"taxes"`
	IntegrationCustomers            none                 `json:"integration_customers"`
	ApplicableInvoiceCustomSections none                 `json:"applicable_invoice_custom_sections"`
	ErrorDetails                    none                 `json:"error_details"`
}

// billingConfiguration is Lago's CustomerBillingConfiguration.
type billingConfiguration struct {
	InvoiceGracePeriod                       *int    `json:"invoice_grace_period"`
	SubscriptionInvoiceIssuingDateAnchor     *string `json:"subscription_invoice_issuing_date_anchor"`
	SubscriptionInvoiceIssuingDateAdjustment *string `json:"subscription_invoice_issuing_date_adjustment"`
	PaymentProvider                          *string `json:"payment_provider"`
	PaymentProviderCode                      *string `json:"payment_provider_code"`
	DocumentLocale                           *string `json:"document_locale"`
}

func customerOf(organization *billing.Organization, c *billing.Customer) customerObject {
	timezone := c.Timezone
	if timezone == "" {
		timezone = organization.Timezone
	}
	return customerObject{
		LagoID:                    c.ID,
		BillingEntityCode:         billingEntityDefault,
		ExternalID:                c.ExternalID,
		AccountType:               "customer",
		Name:                      orNull(c.Name),
		Firstname:                 orNull(c.Firstname),
		Lastname:                  orNull(c.Lastname),
		CustomerType:              orNull(c.CustomerType),
		SequentialID:              c.SequentialID,
		Slug:                      fmt.Sprintf("%s-%03d", organization.DocumentNumberPrefix, c.SequentialID),
		CreatedAt:                 stamp(c.CreatedAt),
		UpdatedAt:                 stamp(c.UpdatedAt),
		addressObject:             addressOf(&c.Address),
		Email:                     orNull(c.Email),
		URL:                       orNull(c.URL),
		Phone:                     orNull(c.Phone),
		LogoURL:                   orNull(c.LogoURL),
		LegalName:                 orNull(c.LegalName),
		LegalNumber:               orNull(c.LegalNumber),
		Currency:                  orNull(string(c.Currency)),
		TaxIdentificationNumber:   orNull(c.TaxNumber),
		Timezone:                  orNull(c.Timezone),
		ApplicableTimezone:        timezone,
		NetPaymentTerm:            c.NetPaymentTermDays,
		FinalizeZeroAmountInvoice: "inherit",
		ShippingAddress:           addressOf(&c.ShippingAddress),
		Metadata:                  each(c.Metadata, metadataOf),
		Taxes:                     each(c.Taxes, taxOf),
	}
}

type customerAnswer struct {
	Customer customerObject `json:"customer"`
}

// upsertCustomer is POST /customers: it creates the customer, or changes of one
// that exists what the request names.
func (a *api) upsertCustomer(ctx context.Context, r request) (any, error) {
	f, err := r.form("customer")
	if err != nil {
		return nil, err
	}
	externalID := f.required("external_id")
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	current, err := a.DB.Customer(ctx, r.organization.ID, externalID)
	if err != nil && !billing.IsNotFound(err) {
		return nil, err
	}
	wanted := current
	readCustomer(f, &wanted, now)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	if err := a.refuseOtherCurrency(ctx, &current, &wanted); err != nil {
		return nil, err
	}
	customer, err := a.DB.UpsertCustomer(ctx, r.organization.ID, externalID, now, func(c *billing.Customer) error {
		again := form{members: f.members, faults: &faults{}} // c may have changed since it was read
		readCustomer(again, c, now)
		return again.faults.err()
	})
	if err != nil {
		return nil, err
	}
	return customerAnswer{customerOf(&r.organization, &customer)}, nil
}

// refuseOtherCurrency refuses to take the currency from a customer that is
// subscribed: all of a customer's invoices are in one.
func (a *api) refuseOtherCurrency(ctx context.Context, current, wanted *billing.Customer) error {
	if current.Currency == "" || current.Currency == wanted.Currency {
		return nil
	}
	_, live, err := a.DB.Subscriptions(ctx, current.OrganizationID, postgres.SubscriptionFilter{
		CustomerExternalID: current.ExternalID,
		Statuses:           []billing.SubscriptionStatus{billing.Active, billing.Pending},
	}, postgres.Page{Number: 1, Size: 1})
	if err != nil {
		return err
	}
	if live > 0 {
		return billing.Invalid("currency", codeOtherCurrency)
	}
	return nil
}

// readCustomer changes of the customer what the form names.
func readCustomer(f form, c *billing.Customer, now time.Time) {
	for name, dst := range map[string]*string{
		"name": &c.Name, "firstname": &c.Firstname, "lastname": &c.Lastname,
		"legal_name": &c.LegalName, "legal_number": &c.LegalNumber,
		"tax_identification_number": &c.TaxNumber, "phone": &c.Phone,
	} {
		f.into(dst, name, textBytesMax)
	}
	f.into(&c.URL, "url", urlBytesMax)
	f.into(&c.LogoURL, "logo_url", urlBytesMax)
	readEmail(f, c)
	if f.has("customer_type") {
		c.CustomerType = f.choice("customer_type", "company", "individual")
	}
	readAddress(f, &c.Address)
	if o, ok := f.object("shipping_address"); ok {
		readAddress(o, &c.ShippingAddress)
	}
	readMoneySettings(f, c)
	readMetadata(f, c, now)
	c.Taxes = readTaxCodes(f, c.Taxes)
	f.notYet("integration_customers", "invoice_custom_section_codes")
	f.notYetUnless("account_type", `"customer"`)
	f.notYetUnless("finalize_zero_amount_invoice", `"inherit"`, `"finalize"`)
	f.notYetUnless("billing_entity_code", `"`+billingEntityDefault+`"`)
	if o, ok := f.object("billing_configuration"); ok {
		o.notYet("invoice_grace_period", "payment_provider", "payment_provider_code", "provider_customer_id")
	}
}

func readEmail(f form, c *billing.Customer) {
	email, ok := f.text("email", emailBytesMax)
	if !ok {
		return
	}
	for _, one := range strings.Split(email, ",") {
		name, host, found := strings.Cut(strings.TrimSpace(one), "@")
		if email != "" && (!found || name == "" || host == "" || strings.ContainsAny(name+host, "@ \t\r\n")) {
			f.fault("email", codeInvalidEmail)
			return
		}
	}
	c.Email = email
}

// readMoneySettings reads what decides in what, when and until when a customer pays.
func readMoneySettings(f form, c *billing.Customer) {
	if currency, ok := f.text("currency", textBytesMax); ok {
		c.Currency = billing.Currency(currency)
		if currency != "" && !c.Currency.Valid() {
			f.fault("currency", billing.CodeInvalidCurrency)
		}
	}
	if timezone, ok := f.text("timezone", textBytesMax); ok {
		c.Timezone = timezone
		if timezone != "" && !billing.ValidTimezone(timezone) {
			f.fault("timezone", billing.CodeInvalidTimezone)
		}
	}
	if f.has("net_payment_term") {
		c.NetPaymentTermDays = nil
		if days, ok := f.integer("net_payment_term", 0, paymentTermDaysMax); ok {
			term := int(days)
			c.NetPaymentTermDays = &term
		}
	}
}

// listCustomers is GET /customers.
func (a *api) listCustomers(ctx context.Context, r request) (any, error) {
	p := r.params()
	p.notYet("account_type", "billing_entity_codes", "search_term", "countries", "states", "zipcodes", "currencies",
		"has_tax_identification_number", "customer_type", "has_customer_type", "metadata")
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	customers, total, err := a.DB.Customers(ctx, r.organization.ID, page)
	if err != nil {
		return nil, err
	}
	return struct {
		Customers []customerObject `json:"customers"`
		Meta      meta             `json:"meta"`
	}{
		each(customers, func(c *billing.Customer) customerObject { return customerOf(&r.organization, c) }),
		metaOf(page, total),
	}, nil
}

// showCustomer is GET /customers/{external_id}.
func (a *api) showCustomer(ctx context.Context, r request) (any, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return nil, err
	}
	return customerAnswer{customerOf(&r.organization, &customer)}, nil
}

// pathCustomer loads the customer that the path names.
func (a *api) pathCustomer(ctx context.Context, r request) (billing.Customer, error) {
	externalID, err := r.pathText("external_id", "customer")
	if err != nil {
		return billing.Customer{}, err
	}
	return a.DB.Customer(ctx, r.organization.ID, externalID)
}
