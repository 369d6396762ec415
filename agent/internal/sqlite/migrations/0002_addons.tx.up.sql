-- What programs read of how a job ended, and the add-ons that a revision was committed with.
ALTER TABLE jobs ADD COLUMN result TEXT;
ALTER TABLE revisions ADD COLUMN addons TEXT;
