DROP TABLE change_reports;
