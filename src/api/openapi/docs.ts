import { openApiDocument } from "./document";
import { apiPage, problemsPage } from "./page";

/** The API's description in its three forms, each made at the first request for it. */
export class ApiDocs {
  private readonly made = new Map<string, string>();

  constructor(private readonly basePath: string) {}

  json = () => this.once("json", () => JSON.stringify(openApiDocument(this.basePath)));
  page = () => this.once("page", () => apiPage(openApiDocument(this.basePath)));
  problems = () => this.once("problems", problemsPage);

  private once(form: string, make: () => string): string {
    const text = this.made.get(form) ?? make();
    this.made.set(form, text);
    return text;
  }
}
