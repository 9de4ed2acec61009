package incident

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/glyph"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// problems gathers what is wrong with one request, so that a caller hears of all of it at once.
type problems struct {
	record string
	errs   []error
}

func (p *problems) add(field, value, want string) {
	p.errs = append(p.errs, &alert.FieldError{
		Record: limit.Shorten(p.record), Field: field, Value: limit.Shorten(value), Want: want,
	})
}

// need notes that nothing of value can be seen.
func (p *problems) need(field, value string) {
	if !glyph.Visible(value) {
		p.add(field, value, "a text in which something can be seen")
	}
}

// text notes that value is not UTF-8 or longer than most code points.
func (p *problems) text(field, value string, most int) {
	if !utf8.ValidString(value) {
		p.add(field, value, "valid UTF-8")
	} else if n := utf8.RuneCountInString(value); n > most {
		p.add(field, value, fmt.Sprintf("at most %d characters, not %d", most, n))
	}
}

func (p *problems) count(field string, n int) {
	if n > MaxTags {
		p.add(field, strconv.Itoa(n), fmt.Sprintf("at most %d", MaxTags))
	}
}

func (p *problems) owner(o Owner) {
	if !o.IsZero() {
		p.need("owner.id", o.ID)
		p.text("owner.id", o.ID, MaxName)
		p.text("owner.name", o.Name, MaxName)
	}
	if o.Kind > alert.GroupOwner {
		p.add("owner.kind", o.Kind.String(), "user or group")
	}
}

func (p *problems) verdict(tax classification.Taxonomy, v classification.Verdict) {
	if err := tax.Check(v); err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s: %w", p.record, err))
	}
}

func (p *problems) err() error { return errors.Join(p.errs...) }
