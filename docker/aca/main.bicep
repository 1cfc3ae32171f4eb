// SPDX-License-Identifier: MIT
// What scripts/deploy-aca.sh does, declaratively: log workspace, environment, an identity that pulls
// the image, and the app with one replica. The registry exists and holds the image.
//
//   az deployment group create -g <group> -f docker/aca/main.bicep -p @settings.json
//
// Keep the secrets in a parameter file that only you can read, or in a Key Vault that it refers to;
// parameters on the command line are seen by everybody on the machine.

@description('Name of the app; others are made from it.')
@minLength(2)
@maxLength(22)
param name string = 'handoff-bridge'

param location string = resourceGroup().location

@description('Azure Container Registry in this resource group.')
param registryName string

@description('Image in that registry, with its tag.')
param image string = 'handoff-bridge:latest'

@description('https address, if it is not the one that Azure gives.')
param publicUrl string = ''

@description('Settings that are no secrets, by name: SN_INSTANCE, SN_USER, ... See docs/configuration.md.')
param settings object

@description('Secrets by name: SN_PASSWORD, SN_WEBHOOK_SECRET, AGENT_API_SECRET, ...')
@secure()
param secrets object

@description('Part of the revision\'s name. A new one for each deployment, so that changed secrets take effect too.')
param revisionSuffix string = 'r${toLower(uniqueString(utcNow()))}'

// AcrPull, https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var acrPull = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')
var address = empty(publicUrl) ? 'https://${name}.${environment.properties.defaultDomain}' : publicUrl

var plain = [for item in items(settings): {
  name: item.key
  value: string(item.value)
}]
// SN_PASSWORD -> sn-password
var referred = [for key in objectKeys(secrets): {
  name: key
  secretRef: toLower(replace(key, '_', '-'))
}]

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-pull'
  location: location
}

resource mayPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identity.id, acrPull)
  scope: registry
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: acrPull
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2022-10-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    retentionInDays: 30
    sku: {
      name: 'PerGB2018'
    }
  }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${name}-env'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: name
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  dependsOn: [
    mayPull
  ]
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        targetPort: 5000
        transport: 'auto'
        allowInsecure: false
      }
      registries: [
        {
          server: registry.properties.loginServer
          identity: identity.id
        }
      ]
      secrets: [for key in objectKeys(secrets): {
        name: toLower(replace(key, '_', '-'))
        value: secrets[key]
      }]
    }
    template: {
      revisionSuffix: revisionSuffix
      // Longer than the bridge takes to end its chats and sockets in good order.
      terminationGracePeriodSeconds: 40
      containers: [
        {
          name: 'bridge'
          image: '${registry.properties.loginServer}/${image}'
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: concat(plain, referred, [
            {
              name: 'BRIDGE_PUBLIC_URL'
              value: address
            }
            {
              // The ingress of the platform is the one proxy in front.
              name: 'TRUSTED_PROXIES'
              value: '1'
            }
          ])
          probes: [
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: 5000
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 6
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: 5000
              }
              periodSeconds: 5
              timeoutSeconds: 5
              failureThreshold: 3
            }
          ]
        }
      ]
      scale: {
        // Sessions are in the memory of one process: never none, never two.
        minReplicas: 1
        maxReplicas: 1
      }
    }
  }
}

output url string = address
output webhook string = '${address}/api/servicenow/webhook'
