"""Chapter 6: what changes when neurons are silenced or scaled."""
