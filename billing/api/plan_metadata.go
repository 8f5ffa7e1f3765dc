package api

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"weir/billing"
)

// planMetadata is what Lago calls a MetadataObject: notes by their keys, of which a value
// may be null.
type planMetadata map[string]*string

// planMetadataOf returns the plan's notes; nil when it never had any or they were deleted.
func planMetadataOf(p *billing.Plan) *planMetadata {
	if p.Metadata == nil {
		return nil
	}
	notes := planMetadata(p.Metadata)
	return &notes
}

// planMetadataAnswer is Lago's PlanMetadataResponse.
type planMetadataAnswer struct {
	Metadata *planMetadata `json:"metadata"`
}

// readPlanMetadata reads notes; nil when they are null or faulty.
func readPlanMetadata(f form) map[string]*string {
	o, ok := f.object("metadata")
	if !ok {
		return nil
	}
	notes := make(map[string]*string, len(o.members))
	for key := range o.members {
		notes[key] = readPlanNote(o, key)
	}
	checkPlanMetadata(f, notes)
	return notes
}

func readPlanNote(f form, key string) *string {
	if strings.TrimSpace(key) == "" || !storable(key) {
		f.fault(key, billing.CodeInvalid)
	}
	if utf8.RuneCountInString(key) > billing.MetadataKeyCharactersMax {
		f.overLimit(key, billing.CodeTooLong, fmt.Sprintf("a key has at most %d characters", billing.MetadataKeyCharactersMax))
	}
	value, given := f.given(key)
	if !given {
		return nil
	}
	note, ok := f.textOf(key, value, billing.MetadataValueCharactersMax*utf8.UTFMax)
	if ok && utf8.RuneCountInString(note) > billing.MetadataValueCharactersMax {
		f.overLimit(key, billing.CodeTooLong, fmt.Sprintf("at most %d characters", billing.MetadataValueCharactersMax))
	}
	return &note
}

// checkPlanMetadata records that there are too many notes.
func checkPlanMetadata(f form, notes map[string]*string) {
	if len(notes) > billing.MetadataKeysMax {
		f.overLimit("metadata", billing.CodeInvalidCount, fmt.Sprintf("at most %d keys", billing.MetadataKeysMax))
	}
}

// replacePlanMetadata is POST /plans/{code}/metadata.
func (a *api) replacePlanMetadata(ctx context.Context, r request) (any, error) {
	return a.sayPlanMetadata(ctx, r, func(f form, p *billing.Plan) { p.Metadata = readPlanMetadata(f) })
}

// mergePlanMetadata is PATCH /plans/{code}/metadata: notes that are not said stay.
func (a *api) mergePlanMetadata(ctx context.Context, r request) (any, error) {
	return a.sayPlanMetadata(ctx, r, func(f form, p *billing.Plan) {
		merged := maps.Clone(p.Metadata)
		if merged == nil {
			merged = make(map[string]*string)
		}
		maps.Copy(merged, readPlanMetadata(f))
		checkPlanMetadata(f, merged)
		p.Metadata = merged
	})
}

// sayPlanMetadata changes a plan's notes by what the request says of them. Its member
// metadata stands at the top, and may be empty.
func (a *api) sayPlanMetadata(ctx context.Context, r request, read func(f form, p *billing.Plan)) (any, error) {
	body, err := r.body()
	if err != nil {
		return nil, err
	}
	f, err := parseRoot(body)
	if err != nil {
		return nil, err
	}
	if !f.has("metadata") {
		return nil, billing.BadRequest("param is missing or the value is empty: metadata")
	}
	return a.changePlanMetadata(ctx, r, func(p *billing.Plan) error {
		read(f, p)
		return f.faults.err()
	})
}

// deletePlanMetadata is DELETE /plans/{code}/metadata.
func (a *api) deletePlanMetadata(ctx context.Context, r request) (any, error) {
	return a.changePlanMetadata(ctx, r, func(p *billing.Plan) error {
		p.Metadata = nil
		return nil
	})
}

// deletePlanMetadataKey is DELETE /plans/{code}/metadata/{key}. A key that is not there is
// gone already; without any metadata it is not found.
func (a *api) deletePlanMetadataKey(ctx context.Context, r request) (any, error) {
	return a.changePlanMetadata(ctx, r, func(p *billing.Plan) error {
		if p.Metadata == nil {
			return billing.NotFound("metadata")
		}
		p.Metadata = maps.Clone(p.Metadata)
		delete(p.Metadata, r.PathValue("key"))
		return nil
	})
}

func (a *api) changePlanMetadata(ctx context.Context, r request, change func(p *billing.Plan) error) (any, error) {
	plan, err := a.changePlan(ctx, r, func(p *billing.Plan, _ bool) error { return change(p) })
	if err != nil {
		return nil, err
	}
	return planMetadataAnswer{planMetadataOf(&plan)}, nil
}
