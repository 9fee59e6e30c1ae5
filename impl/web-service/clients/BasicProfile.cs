// Mono's check of a service description against the WS-I Basic Profile 1.1.
//
// Usage: BasicProfile.exe FILE.wsdl
using System;
using System.Web.Services;
using System.Web.Services.Description;

static class BasicProfile
{
    static int Main(string[] arguments)
    {
        var violations = new BasicProfileViolationCollection();
        var description = ServiceDescription.Read(arguments[0]);
        bool conforms = WebServicesInteroperability.CheckConformance(
            WsiProfiles.BasicProfile1_1, description, violations);
        foreach (BasicProfileViolation violation in violations)
            Console.WriteLine("{0} {1}", violation.NormativeStatement, violation.Details);
        Console.WriteLine("WS-I Basic Profile 1.1: {0} violations", violations.Count);
        return conforms && violations.Count == 0 ? 0 : 1;
    }
}
