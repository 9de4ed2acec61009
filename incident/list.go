package incident

import "strconv"

// A List is one of the lists of texts of a [Summary]. [Query] filters by each and has a field of the same name.
type List uint8

// The lists. Storages keep their numbers, so a new one comes last.
const (
	SourceList List = iota
	DetectionSourceList
	ProductList
	CategoryList
	TechniqueList
	DeviceGroupList
	PlatformList
	ThreatList
	ThreatActorList

	Lists = int(ThreatActorList) + 1 // size of an array indexed by List
)

// listNames are what the lists are called: the field in JSON, which is also its name in entries and what String
// returns, and the parameter of a URL.
var listNames = [...]struct{ field, param string }{
	SourceList:          {"sources", "source"},
	DetectionSourceList: {"detectionSources", "detectionSource"},
	ProductList:         {"products", "product"},
	CategoryList:        {"categories", "category"},
	TechniqueList:       {"techniques", "technique"},
	DeviceGroupList:     {"deviceGroups", "deviceGroup"},
	PlatformList:        {"platforms", "platform"},
	ThreatList:          {"threats", "threat"},
	ThreatActorList:     {"threatActors", "threatActor"},
}

// String returns the name of the list's field in JSON, such as "deviceGroups".
func (l List) String() string {
	if int(l) < len(listNames) {
		return listNames[l].field
	}
	return "list(" + strconv.Itoa(int(l)) + ")"
}

// Lists returns where the lists of s are, indexed by [List]. A list can be set through its pointer.
func (s *Summary) Lists() [Lists]*[]string {
	// Functions in a table would do too, but what they are called with is allocated: for each incident that is cloned,
	// and for each that a query is matched with.
	return [...]*[]string{
		SourceList:          &s.Sources,
		DetectionSourceList: &s.DetectionSources,
		ProductList:         &s.Products,
		CategoryList:        &s.Categories,
		TechniqueList:       &s.Techniques,
		DeviceGroupList:     &s.DeviceGroups,
		PlatformList:        &s.Platforms,
		ThreatList:          &s.Threats,
		ThreatActorList:     &s.ThreatActors,
	}
}

// Lists returns where the filters of q by the lists of a [Summary] are, indexed by [List]. A filter can be
// set through its pointer.
func (q *Query) Lists() [Lists]*[]string {
	return [...]*[]string{
		SourceList:          &q.Sources,
		DetectionSourceList: &q.DetectionSources,
		ProductList:         &q.Products,
		CategoryList:        &q.Categories,
		TechniqueList:       &q.Techniques,
		DeviceGroupList:     &q.DeviceGroups,
		PlatformList:        &q.Platforms,
		ThreatList:          &q.Threats,
		ThreatActorList:     &q.ThreatActors,
	}
}
