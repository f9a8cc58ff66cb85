-- What an operator filled into the form of a permission request that has one: a JSON object.
ALTER TABLE approvals ADD COLUMN answer TEXT;
